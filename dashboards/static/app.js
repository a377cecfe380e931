/* teamgauge: the whole of our own script. Every page works without it; it adds comfort. */
(() => {
  "use strict";
  const $ = (s, e = document) => e.querySelector(s), $$ = (s, e = document) => [...e.querySelectorAll(s)];
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";

  /* theme: system, light, dark */
  const tb = $("[data-theme-toggle]");
  const paintTheme = () => { if (tb) tb.setAttribute("aria-label", "Theme: " + (root.dataset.theme || "system") + ". Change"); drawAll(true); };
  tb && tb.addEventListener("click", () => {
    const order = ["", "light", "dark"], next = order[(order.indexOf(root.dataset.theme || "") + 1) % 3];
    if (next) root.dataset.theme = next; else delete root.dataset.theme;
    try { next ? localStorage.setItem("tg-theme", next) : localStorage.removeItem("tg-theme"); } catch (e) { /* not kept */ }
    paintTheme(); say("Theme: " + (next || "system"));
  });
  dark.addEventListener("change", paintTheme);

  /* live region */
  const live = $("#live"), say = t => { if (live) live.textContent = t; };

  /* menus: one open at a time, Escape closes and returns the focus */
  addEventListener("click", e => $$("details.menu[open]").forEach(d => d.contains(e.target) || (d.open = false)));
  addEventListener("keydown", e => {
    if (e.key !== "Escape") return;
    hideTip();
    $$("details.menu[open]").forEach(d => { d.open = false; $("summary", d).focus(); });
  });
  $$("[data-print]").forEach(b => b.addEventListener("click", () => print()));
  $$("[data-copy]").forEach(b => b.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(b.dataset.copy); b.textContent = "Copied"; say("Copied"); } catch (e) { say("Copying is not allowed here: select the text"); }
  }));

  /* tooltip: pointer and focus, can be hovered, Escape hides it */
  const tip = $("#tip"); let tipFor = null, tipTimer;
  const hideTip = () => { if (tip && tipFor) { tip.hidden = true; tipFor.removeAttribute("aria-describedby"); tipFor = null; } };
  const showTip = el => {
    clearTimeout(tipTimer); if (tipFor === el) return; hideTip();
    tip.replaceChildren(...el.dataset.tip.split("|").map((t, i) => Object.assign(document.createElement(i ? "span" : "b"), { textContent: t })));
    tip.hidden = false; tipFor = el; el.setAttribute("aria-describedby", "tip");
    const r = el.getBoundingClientRect(), w = tip.offsetWidth, h = tip.offsetHeight;
    tip.style.left = Math.max(8, Math.min(r.left + scrollX, innerWidth - w - 8)) + "px";
    tip.style.top = (r.bottom + h + 12 > innerHeight ? r.top - h - 2 : r.bottom + 2) + scrollY + "px";
  };
  if (tip) {
    addEventListener("mouseover", e => {
      const el = e.target.closest("[data-tip]");
      if (el) { clearTimeout(tipTimer); tipTimer = setTimeout(showTip, tipFor ? 40 : 180, el); }
      else if (tip.contains(e.target)) clearTimeout(tipTimer);
      else { clearTimeout(tipTimer); tipTimer = setTimeout(hideTip, 150); }
    });
    addEventListener("focusin", e => { const el = e.target.closest("[data-tip]"); el && el.matches(":focus-visible") ? showTip(el) : hideTip(); });
  }

  /* tables: sort (siblings stay with their parent), expand, filter, arrow keys */
  $$("table[data-sortable]").forEach(tab => {
    const body = tab.tBodies[0], rows = [...body.rows], head = tab.tHead.rows[tab.tHead.rows.length - 1];
    const tree = tab.hasAttribute("data-tree"); let flat = false;
    rows.forEach((r, i) => { r._i = i; });
    const val = (r, c) => { const x = r.cells[c].dataset.v; return x === undefined ? (c ? null : r.cells[c].textContent.trim().toLowerCase()) : x === "" ? null : isNaN(x) ? x : +x; };
    const cmp = (c, dir) => (a, b) => {
      if (c < 0) return a._i - b._i;
      const x = val(a, c), y = val(b, c);
      if (x === null || y === null) return (x === null) - (y === null) || a._i - b._i;      // nothing to sort by: last, both ways
      return (x < y ? -1 : x > y ? 1 : a._i - b._i) * dir;
    };
    let sc = -1, sd = 1;
    const place = () => {
      const f = cmp(sc, sd);
      if (!tree || flat) { body.append(...rows.slice().sort(f)); return; }
      const walk = p => rows.filter(r => (r.dataset.parent || "") === p).sort(f).forEach(r => { body.append(r); walk(r.dataset.slug); });
      walk("");
    };
    head.addEventListener("click", e => {
      const b = e.target.closest(".sort"); if (!b) return;
      const th = b.closest("th"), was = th.getAttribute("aria-sort");
      $$("[aria-sort]", head).forEach(h => h.setAttribute("aria-sort", "none"));
      sd = was === "ascending" ? -1 : 1; sc = was === "descending" ? -1 : th.cellIndex;
      if (sc >= 0) th.setAttribute("aria-sort", sd > 0 ? "ascending" : "descending");
      place(); say(sc < 0 ? "Original order" : "Sorted by " + b.firstChild.textContent.trim() + (sd > 0 ? ", lowest first" : ", highest first"));
    });
    const q = $("[data-filter]"), st = $("[data-status]"), count = $("[data-count]");
    const show = () => {
      const t = (q && q.value.trim().toLowerCase()) || "", s = (st && st.value) || "", by = {};
      rows.forEach(r => { by[r.dataset.slug] = r; r._hit = (!t || $("th", r).textContent.toLowerCase().includes(t)) && (!s || r.dataset.has.includes(s)); r._keep = r._hit; });
      if (tree && !flat) rows.forEach(r => { if (r._hit) for (let p = by[r.dataset.parent]; p; p = by[p.dataset.parent]) p._keep = true; });
      rows.forEach(r => {
        let vis = r._keep && !(flat && r.dataset.kids);
        if (tree && !flat && !t && !s) for (let p = by[r.dataset.parent]; p; p = by[p.dataset.parent]) if ($("button", p)?.getAttribute("aria-expanded") === "false") vis = false;
        r.hidden = !vis;
      });
      const n = rows.filter(r => !r.hidden).length; if (count) count.textContent = n + (n === 1 ? " row" : " rows");
      const none = $("[data-none]"); if (none) none.hidden = n > 0;
    };
    if (tree) {
      body.addEventListener("click", e => { const b = e.target.closest("button[aria-expanded]"); if (!b) return; b.setAttribute("aria-expanded", b.getAttribute("aria-expanded") === "false"); show(); });
      $$("[data-view]").forEach(b => b.addEventListener("click", () => { flat = b.dataset.view === "flat"; $$("[data-view]").forEach(o => o.setAttribute("aria-pressed", o === b)); tab.classList.toggle("flat", flat); place(); show(); say(b.textContent.trim() + " view"); }));
      [q, st].forEach(c => c && c.addEventListener("input", show)); show();
      body.addEventListener("keydown", e => {
        const d = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key], td = e.target.closest("td,th"); if (!d || !td) return;
        const vis = [...body.rows].filter(r => !r.hidden), row = vis[vis.indexOf(td.parentNode) + d[0]], to = row && row.cells[td.cellIndex + d[1]], a = to && $("a", to);
        if (a) { e.preventDefault(); a.focus(); a.scrollIntoView({ block: "nearest", inline: "nearest" }); }
      });
    }
  });

  /* charts: Plotly replaces the server-rendered SVG near the viewport; the server sends the figure, "$name" is a colour of the template */
  const tplEl = $("#plotly-template"), TPL = tplEl && JSON.parse(tplEl.textContent), plots = $$("[data-chart]");
  const CFG = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };
  function draw(el) {
    if (!window.Plotly || !TPL) return;
    const T = TPL[isDark() ? "dark" : "light"], spec = JSON.parse($("script", el).textContent, (k, v) => (typeof v === "string" && v[0] === "$" && T.layout.meta[v.slice(1)] || v));
    const at = $(".js", el) || el.appendChild(Object.assign(document.createElement("div"), { className: "js" }));
    at.setAttribute("aria-hidden", "true"); el.classList.add("on"); el._on = true;
    Plotly.react(at, spec.data, { ...spec.layout, ...(innerWidth < 600 && spec.narrow), template: T }, CFG);
  }
  function drawAll(again) { plots.forEach(p => { if (!again || p._on) draw(p); }); }
  addEventListener("load", () => {
    if (!("IntersectionObserver" in window)) return drawAll();
    const io = new IntersectionObserver(es => es.forEach(e => { if (e.isIntersecting) { io.unobserve(e.target); draw(e.target); } }), { rootMargin: "400px" });
    plots.forEach(p => io.observe(p));
  });
  paintTheme();
})();
