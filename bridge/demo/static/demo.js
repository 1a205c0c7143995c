// The demo's page: what changes comes by server-sent events, forms are sent without leaving the page. Without this file
// everything can still be read, and forms still work.

const live = document.getElementById("live");

// ---------------------------------------------------------------- what changes

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html; // escaped by the server's templates; the page's policy runs no script in it
  return template.content;
}

function nearTheEnd(posts) {
  return posts.scrollHeight - posts.scrollTop - posts.clientHeight < 80;
}

function show(id, html) {
  const old = document.getElementById(id);
  if (id.startsWith("card:")) return html === null ? old?.remove() : old ? renew(old, html) : add(id, html);
  if (!old || html === null) return;
  const held = old.contains(document.activeElement);
  old.replaceChildren(fragment(html));
  if (held) old.querySelector("button")?.focus();
}

function add(id, html) {
  const [, account] = id.split(":");
  const posts = document.querySelector(`[data-account="${CSS.escape(account)}"] .posts`);
  if (!posts) return;
  const card = fragment(html).firstElementChild;
  const follow = nearTheEnd(posts) || card.classList.contains("original"); // what one wrote oneself is always shown
  card.classList.add("new");
  posts.append(card);
  if (follow) posts.scrollTop = posts.scrollHeight;
}

function renew(card, html) {
  // Only what was said: a reply that is just being typed below it stays.
  const posts = card.parentElement;
  const follow = nearTheEnd(posts);
  const fresh = fragment(html).firstElementChild;
  const flash = card.classList.contains("new");
  card.className = fresh.className;
  card.classList.toggle("new", flash);
  card.querySelector(".said").replaceWith(fresh.querySelector(".said"));
  const [before, after] = [card.querySelector(".acts"), fresh.querySelector(".acts")];
  if (!before && after) card.append(after);
  else if (before && after && !before.contains(document.activeElement) && !before.querySelector("details[open]")) before.replaceWith(after);
  if (follow) posts.scrollTop = posts.scrollHeight;
}

const events = new EventSource(`/events?since=${encodeURIComponent(document.body.dataset.position)}`);
events.onmessage = (event) => {
  const { id, html } = JSON.parse(event.data);
  show(id, html);
};
events.onopen = () => say("Live: what arrives shows at once.");
events.onerror = () => say("The demo does not answer; trying again …");
events.addEventListener("reload", () => location.reload());

function say(sentence) {
  if (live.textContent !== sentence) live.textContent = sentence;
}

// ---------------------------------------------------------------- forms

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  const problem = form.querySelector(".problem");
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true"); // not `disabled`, which would lose the keyboard's place
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "x-quiet": "1" } });
    if (problem) problem.textContent = answer.ok ? "" : await answer.text();
    if (answer.ok) done(form);
  } catch {
    if (problem) problem.textContent = "The demo does not answer.";
  } finally {
    button.removeAttribute("aria-disabled");
  }
});

function done(form) {
  if (form.classList.contains("compose")) form.elements.text.value = "";
  const details = form.closest("details");
  if (!details) return;
  details.open = false;
  details.querySelector("summary").focus();
  if (form.action.endsWith("/reply")) form.elements.text.value = "";
}

document.addEventListener("keydown", (event) => {
  const writing = event.target instanceof HTMLTextAreaElement;
  if (!writing || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});

// ---------------------------------------------------------------- looking

document.addEventListener(
  "toggle",
  async (event) => {
    const details = event.target;
    if (!(details instanceof HTMLDetailsElement) || !details.open) return;
    const view = details.querySelector(".view");
    if (view) view.replaceChildren(fragment(await (await fetch(view.dataset.from)).text()));
    else details.querySelector("textarea")?.focus();
  },
  true, // it does not bubble
);

for (const posts of document.querySelectorAll(".posts")) posts.scrollTop = posts.scrollHeight;
