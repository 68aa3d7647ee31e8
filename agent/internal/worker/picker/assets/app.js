// The pages' own script: it keeps the bearer, follows the operation, and makes the
// list work by keyboard and filter. Everything that is shown comes from the server.
(function () {
  "use strict";

  var bearer = "";   // of this page, in memory only
  var phase = "asking";
  var seq = 0;
  var openWhenReady = false;

  function el(id) { return document.getElementById(id); }
  function all(selector) { return Array.prototype.slice.call(document.querySelectorAll(selector)); }
  function say(text) { var s = el("status"); if (s) { s.textContent = text; } }

  function post(path, values, extra) {
    var options = {
      method: "POST", body: new URLSearchParams(values || {}), cache: "no-store",
      credentials: "omit", referrerPolicy: "no-referrer", headers: {}
    };
    if (bearer) { options.headers.Authorization = "Bearer " + bearer; }
    Object.assign(options, extra || {});
    return fetch(path, options);
  }

  function showNote(id) {
    var main = el("main"), template = el(id);
    if (!main || !template) { return; }
    main.replaceChildren(template.content.cloneNode(true));
    focusOn(main.querySelector("h1"));
  }

  function lost() {
    if (phase === "ended" || phase === "lost") { return; }
    phase = "lost";
    bearer = "";
    showNote("t-lost");
  }

  function focusOn(node) { if (node) { node.focus({ preventScroll: false }); } }

  // Start: the address's fragment is exchanged once and leaves the history.
  function start() {
    var token = location.hash.slice(1);
    history.replaceState(null, "", "/");
    if (document.querySelector("main [data-used]")) { phase = "ended"; return; }
    if (!token) { phase = "ended"; showNote("t-used"); return; }
    post("/session", { token: token }).then(function (answer) {
      if (!answer.ok) { phase = "ended"; showNote("t-used"); return null; }
      return answer.json().then(function (got) {
        bearer = got.bearer;
        htmx.ajax("GET", "/ui/home", { target: "#main", swap: "innerHTML" });
        follow();
      });
    }).catch(lost);
  }

  // follow is the heartbeat: each request is held by the server until something
  // changes, and its end starts the next, so no timer is needed that a browser
  // would slow down in a hidden window.
  function follow() {
    if (!bearer) { return; }
    post("/alive", { seq: String(seq) }).then(function (answer) {
      if (!answer.ok) { throw new Error("refused"); }
      return answer.json();
    }).then(function (pulse) {
      var moved = pulse.phase !== phase;
      seq = pulse.seq;
      phase = pulse.phase;
      if (phase === "ended") {
        htmx.ajax("GET", "/ui/home", { target: "#main", swap: "innerHTML" });
        return;
      }
      if (moved && phase === "working" && !document.querySelector('[data-view="busy"]')) {
        htmx.ajax("GET", "/ui/home", { target: "#main", swap: "innerHTML" });
      }
      progress(pulse);
      follow();
    }).catch(lost);
  }

  function progress(pulse) {
    var bar = el("bar"), text = el("bar-text");
    if (!bar || !pulse.total) { return; }
    bar.max = pulse.total;
    bar.value = pulse.done;
    if (text) { text.textContent = pulse.text || ""; }
  }

  // A closed window is told at once; a crashed one is found by its silence.
  window.addEventListener("pagehide", function () {
    if (bearer && phase !== "ended") { post("/closed", {}, { keepalive: true }).catch(function () {}); }
  });
  window.addEventListener("pageshow", function (e) { if (e.persisted) { location.reload(); } });
  window.addEventListener("hashchange", function () { location.reload(); });

  document.addEventListener("htmx:configRequest", function (e) {
    if (bearer) { e.detail.headers.Authorization = "Bearer " + bearer; }
  });
  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:responseError", function (e) { if (e.detail.xhr.status === 401) { lost(); } });
  document.addEventListener("htmx:beforeRequest", function () { el("busy").classList.add("on"); });
  document.addEventListener("htmx:afterRequest", function () { el("busy").classList.remove("on"); });

  // After a swap: focus goes where the work goes on, and the list is made ready.
  document.addEventListener("htmx:afterSettle", function (e) {
    var id = e.detail.elt && e.detail.elt.id;
    var wanted = document.querySelector("[data-focus]");
    if (wanted) { wanted.removeAttribute("data-focus"); }
    rove();
    if (wanted) {
      focusOn(wanted);
      if (wanted.select && wanted.value) { wanted.select(); }
    } else if (id === "listing") {
      forgive();
      announce();
      if (!document.activeElement || document.activeElement === document.body) { focusOn(entries()[0] || el("filter")); }
    } else if (id === "more" || id === "") {
      announce();
    }
    if (id === "main" && !wanted) {
      announce();
      firstFocus();
    }
    versionRules();
    placeRules();
    var choice = el("choice");
    if (openWhenReady && choice && choice.dataset.object === chosen()) {
      openWhenReady = false;
      el("open").click();
    }
  });

  // A refusal of the name speaks of the place and the name that were sent.
  function forgive() {
    var name = el("name"), why = el("name-problem");
    if (name) { name.removeAttribute("aria-invalid"); name.removeAttribute("aria-describedby"); }
    if (why) { why.remove(); }
  }

  function firstFocus() {
    var name = el("name");
    if (name && name.form) {
      name.focus();
      var dot = name.value.lastIndexOf(".");
      name.setSelectionRange(0, dot > 0 ? dot : name.value.length);
      return;
    }
    focusOn(entries()[0] || document.querySelector("main h1"));
  }

  function announce() {
    var rows = el("rows"), here = el("here");
    if (!here) { return; }
    var text = here.textContent;
    if (rows) {
      var form = el("more") ? rows.dataset.countMore : rows.dataset.count;
      text += ": " + form.replace("%d", String(entryRows().length));
    }
    say(text);
  }

  // The list: one tab stop, arrows inside, selection follows the arrows.
  function entryRows() { return all("#rows > tr[data-name]"); }
  function entries() {
    return all("#rows [data-entry]").filter(function (n) { return !n.closest("tr").hidden; });
  }
  function chosen() { var r = document.querySelector("#rows input:checked"); return r ? r.value : ""; }

  function rove(current) {
    var list = entries();
    if (!list.length) { return; }
    var stop = current || document.querySelector("#rows input:checked") || list[0];
    if (list.indexOf(stop) < 0) { stop = list[0]; }
    list.forEach(function (n) { n.tabIndex = n === stop ? 0 : -1; });
  }

  function mark() {
    entryRows().forEach(function (tr) {
      var radio = tr.querySelector("input[type=radio]");
      tr.classList.toggle("chosen-row", !!(radio && radio.checked));
    });
  }

  function moveTo(node) {
    if (!node) { return; }
    rove(node);
    node.focus();
    if (node.type === "radio" && !node.checked) {
      node.checked = true;
      node.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  function openChosen() {
    var choice = el("choice"), open = el("open");
    if (!choice || !open) { return; }
    if (choice.dataset.object === chosen()) { open.click(); } else { openWhenReady = true; }
  }

  document.addEventListener("change", function (e) {
    if (e.target.matches("#rows input[type=radio]")) {
      openWhenReady = false;
      mark();
      rove(e.target);
      all("#open, #checkout").forEach(function (b) { b.disabled = true; }); // of the one before
    }
    if (e.target.id === "version") { versionRules(); }
  });

  // Saving is for spaces whose role allows it; the reason stands beside the button.
  function placeRules() {
    var place = el("place"), save = el("save");
    if (!place || !save) { return; }
    save.disabled = place.dataset.writes !== "true";
  }

  // Only the newest version can be checked out.
  function versionRules() {
    var select = el("version"), button = el("checkout"), note = el("older");
    if (!select || !button) { return; }
    var older = select.value !== select.dataset.newest;
    button.disabled = older || button.hasAttribute("data-never");
    if (note) { note.hidden = !older || button.hasAttribute("data-never"); }
  }

  document.addEventListener("dblclick", function (e) {
    var tr = e.target.closest("#rows > tr[data-name]");
    var radio = tr && tr.querySelector("input[type=radio]");
    if (radio) { moveTo(radio); openChosen(); }
  });

  document.addEventListener("click", function (e) {
    var reveal = e.target.closest("[data-reveal]"), hide = e.target.closest("[data-hide]");
    if (reveal) { toggle(reveal.dataset.reveal, true); return; }
    if (hide) { toggle(hide.dataset.hide, false); return; }
    if (e.target.id === "unfilter") { el("filter").value = ""; filter(); el("filter").focus(); return; }
    var tr = e.target.closest("#rows > tr[data-name]");
    if (tr && !e.target.closest("label, button, input")) {
      var node = tr.querySelector("[data-entry]");
      if (node && node.type === "radio") { moveTo(node); } else if (node) { node.click(); }
    }
  });

  function toggle(id, show) {
    var box = el(id), button = document.querySelector('[data-reveal="' + id + '"]');
    if (!box) { return; }
    box.hidden = !show;
    if (button) { button.setAttribute("aria-expanded", String(show)); }
    focusOn(show ? box.querySelector("input:not([type=hidden])") : button);
  }

  function filter() {
    var box = el("filter"), none = el("none");
    if (!box) { return; }
    var want = box.value.trim().toLocaleLowerCase(), shown = 0;
    entryRows().forEach(function (tr) {
      var hit = !want || tr.dataset.name.toLocaleLowerCase().indexOf(want) >= 0;
      tr.hidden = !hit;
      if (hit) { shown++; }
    });
    if (none) { none.hidden = shown > 0; }
    var rows = el("rows");
    if (rows) { say(shown ? rows.dataset.count.replace("%d", String(shown)) : none.firstChild.textContent); }
    rove();
  }
  document.addEventListener("input", function (e) { 
    if (e.target.id === "filter") { filter(); }
    if (e.target.id === "name") { forgive(); }
  });

  document.addEventListener("keydown", function (e) {
    if (e.isComposing || e.ctrlKey || e.metaKey) { return; }
    if (e.key === "Escape") { escape(e); return; }
    if (e.target.id === "filter" && (e.key === "ArrowDown" || e.key === "Enter")) {
      e.preventDefault();
      moveTo(entries()[0]);
      return;
    }
    if (e.target.matches("[data-entry]")) { inList(e); }
  });

  function inList(e) {
    var list = entries(), at = list.indexOf(e.target), up = all("[data-up]").pop();
    var to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: list.length - 1, PageDown: Math.min(at + 10, list.length - 1), PageUp: Math.max(at - 10, 0) }[e.key];
    if (e.key === "ArrowUp" && e.altKey || e.key === "Backspace") {
      if (up) { e.preventDefault(); up.click(); }
    } else if (to !== undefined) {
      e.preventDefault();
      moveTo(list[to]);
    } else if (e.key === "Enter" && e.target.type === "radio") {
      e.preventDefault();
      if (!e.target.checked) { moveTo(e.target); }
      openChosen();
    } else if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
      e.preventDefault(); // would move the choice without showing where
    }
  }

  function escape(e) {
    var form = e.target.closest && e.target.closest("#new-folder"), box = el("filter");
    var cancel = document.querySelector("[data-cancel]");
    e.preventDefault();
    if (form) { toggle("new-folder", false);
    } else if (box && box.value) { box.value = ""; filter();
    } else if (cancel) { cancel.click(); }
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
