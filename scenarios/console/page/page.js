"use strict";
// The live part of a page is kept as the console says; the rest stays as it was loaded.
(() => {
  const live = document.querySelector("[data-live]");
  const link = document.getElementById("link"), heard = document.getElementById("heard");

  // like makes an element be what another one is, and keeps what a reader does with it:
  // focus, scrolling, details that are open, and text that is selected.
  function like(old, now) {
    if (old.nodeType !== 1) {
      if (old.nodeValue !== now.nodeValue && !selected(old)) old.nodeValue = now.nodeValue;
      return;
    }
    for (const a of [...old.attributes])
      if (!now.hasAttribute(a.name) && !(a.name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(a.name);
    for (const a of now.attributes)
      if (old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
    children(old, now);
  }

  const keyOf = (n) => (n.nodeType === 1 && n.getAttribute("data-key")) || "";

  function children(old, now) {
    const known = new Map(), wanted = new Set();
    for (const c of old.children) if (keyOf(c)) known.set(keyOf(c), c);
    for (const c of now.children) if (keyOf(c)) wanted.add(keyOf(c));
    let at = old.firstChild;
    for (const next of [...now.childNodes]) {
      while (at && keyOf(at) && !wanted.has(keyOf(at))) at = drop(at);
      const key = keyOf(next);
      let same = key ? known.get(key) : at && !keyOf(at) && at.nodeName === next.nodeName ? at : null;
      if (same && same.nodeName !== next.nodeName) same = null;
      if (same === at && same) at = at.nextSibling;
      else old.insertBefore(same || next, at);
      if (same) like(same, next);
      known.delete(key);
    }
    while (at) at = drop(at);
  }

  function drop(n) {
    const next = n.nextSibling;
    n.remove();
    return next;
  }

  function selected(node) {
    const s = getSelection();
    return s && !s.isCollapsed && s.containsNode(node, true);
  }

  const parse = (html) => new DOMParser().parseFromString(html, "text/html");

  // say tells a reader of the screen how it goes, not more often than can be listened to.
  let said = "", at = 0;
  function say() {
    const s = live.querySelector("[data-summary]"), text = s ? s.dataset.summary : "";
    if (text === said || (Date.now() - at < 20000 && text.split(":")[0] === said.split(":")[0])) return;
    if (said) heard.textContent = text;
    said = text;
    at = Date.now();
  }

  function tell(text, id) {
    link.hidden = !text;
    link.textContent = text;
    if (text) heard.textContent = text;
    document.documentElement.dataset.link = id;
  }

  let source, last = 0, since = "", ended = false;
  const time = () => new Date().toLocaleTimeString();

  function lost(why) {
    if (ended) return;
    if (!since) since = time();
    tell(why + " What is below is as of " + since + ".", "lost");
  }

  function listen() {
    source = new EventSource(live.dataset.live);
    source.addEventListener("live", (e) => {
      last = Date.now();
      if (since || link.textContent) { since = ""; tell("", "live"); }
      document.documentElement.dataset.link = "live";
      children(live, parse(e.data).body);
      say();
    });
    source.addEventListener("ended", (e) => {
      ended = true;
      source.close();
      tell("The run has ended. " + e.data, "ended");
    });
    source.onerror = () => {
      lost("The console does not answer; trying again.");
      if (source.readyState === EventSource.CLOSED && !ended) setTimeout(again, 2000);
    };
  }

  // again listens once more, or goes where the console sends who is not logged in.
  function again() {
    fetch(location.pathname, { method: "HEAD" })
      .then((r) => (r.redirected ? location.assign(r.url) : listen()))
      .catch(listen);
  }

  if (live && window.EventSource) {
    say();
    listen();
    setInterval(() => {
      if (last && !document.hidden && Date.now() - last > 10000) lost("The console has said nothing for a while.");
    }, 2000);
    // Who does not look needs no figures: a browser has six connections for all its pages.
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (e) => { if (e.persisted && !ended) listen(); });
    document.addEventListener("visibilitychange", () => {
      source.close();
      last = Date.now();
      if (!document.hidden && !ended) listen();
    });
  }

  // Keys of a telephone are sent without leaving the page.
  document.addEventListener("submit", (e) => {
    const form = e.target;
    if (!form.classList.contains("quiet")) return;
    e.preventDefault();
    const data = new URLSearchParams(new FormData(form, e.submitter));
    fetch(form.action, { method: "POST", body: data, headers: { "Spafleet-Script": "1" } })
      .then((r) => r.text())
      .then((html) => {
        const page = parse(html);
        if (!page.getElementById("keypad")) location.reload();
        for (const id of ["notice", "keypad"]) {
          const old = document.getElementById(id), now = page.getElementById(id);
          if (old && now) children(old, now);
        }
        if (form.elements.dial && form.elements.dial.value) form.reset();
      })
      .catch(() => lost("The console does not answer."));
  });
})();
