// The status page: the server says when something changed, and draws the page; here only its middle is exchanged.

const live = document.getElementById("live");
const events = new EventSource("/events");
let last = null;

events.onmessage = async (event) => {
  if (event.data === last) return;
  last = event.data;
  const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
  document.getElementById("now").replaceWith(page.getElementById("now"));
  live.textContent = "Live.";
};
events.onerror = () => {
  live.textContent = "The service does not answer; trying again …";
};
