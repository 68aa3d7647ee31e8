// The console works without this: it shows times in the reader's zone, moves the focus to a
// refusal, and keeps a form from being sent twice.
(function () {
  "use strict";
  function two(n) { return (n < 10 ? "0" : "") + n; }
  function local(root) {
    root.querySelectorAll("time[datetime]").forEach(function (node) {
      var t = new Date(node.dateTime);
      if (isNaN(t) || node.title) { return; }
      node.title = node.textContent;
      node.textContent = t.getFullYear() + "-" + two(t.getMonth() + 1) + "-" + two(t.getDate()) + " " + two(t.getHours()) + ":" + two(t.getMinutes());
    });
  }
  function start() {
    local(document);
    var problem = document.getElementById("problem");
    if (problem) { problem.focus(); }
  }
  document.addEventListener("htmx:afterSettle", function (e) { local(e.target.parentNode || document); });
  document.addEventListener("submit", function (e) {
    var form = e.target;
    if (form.method !== "post") { return; }
    if (form.dataset.sent) { e.preventDefault(); return; }
    form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", function (e) { if (e.persisted) { location.reload(); } });
  if (document.readyState === "loading") { document.addEventListener("DOMContentLoaded", start); } else { start(); }
})();
