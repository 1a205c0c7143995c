// What waits for an admin: a press on a button decides, and its answer stands in the button's place.

for (const button of document.querySelectorAll("article.decision button")) {
  button.addEventListener("click", async () => {
    const card = button.closest("article");
    const buttons = [...card.querySelectorAll("button")];
    const said = card.querySelector("[role=status]");
    buttons.forEach((each) => { each.disabled = true; });
    try {
      const answer = await fetch(card.dataset.url, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Viabridge": "1" },
        body: JSON.stringify({ ...JSON.parse(button.dataset.deed), by: "an admin, on the page" }),
      });
      const { done, error } = await answer.json();
      said.textContent = done ?? error;
      if (answer.ok) buttons.forEach((each) => each.remove());
      else buttons.forEach((each) => { each.disabled = false; });
    } catch {
      said.textContent = "The service does not answer. Nothing was decided.";
      buttons.forEach((each) => { each.disabled = false; });
    }
  });
}
