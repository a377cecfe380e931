/* teamgauge: our own script. Every page works without it; it adds comfort. */
(() => {
  "use strict";
  const $ = (s, e = document) => e.querySelector(s), $$ = (s, e = document) => [...e.querySelectorAll(s)], make = (tag, o) => Object.assign(document.createElement(tag), o);
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";

  /* theme: system, light, dark */
  const tb = $("[data-theme-toggle]");
  const paintTheme = () => { tb.ariaLabel = "Theme: " + (root.dataset.theme || "system") + ". Change"; redraw(); };
  tb.addEventListener("click", () => {
    const order = ["", "light", "dark"], next = order[(order.indexOf(root.dataset.theme || "") + 1) % 3];
    if (next) root.dataset.theme = next; else delete root.dataset.theme;
    try { localStorage.setItem("tg-theme", next); } catch { /* not kept */ }
    paintTheme(); say("Theme: " + (next || "system"));
  });
  dark.addEventListener("change", paintTheme);

  /* live region */
  const live = $("#live"), say = t => { live.textContent = t; };

  /* menus: one open at a time, Escape closes and returns the focus */
  addEventListener("click", e => $$("details.menu[open]").forEach(d => d.contains(e.target) || (d.open = false)));
  addEventListener("keydown", e => {
    if (e.key !== "Escape") return;
    hideTip();
    $$("details.menu[open]").forEach(d => { d.open = false; $("summary", d).focus(); });
  });
  $$("[data-print]").forEach(b => b.addEventListener("click", () => print()));
  $$("[data-copy]").forEach(b => b.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(b.dataset.copy); b.textContent = "Copied"; say("Copied"); } catch { say("Copying is not allowed here: select the text"); }
  }));

  /* tooltip: pointer and focus, can be hovered, Escape hides it */
  const tip = $("#tip"); let tipFor = null, tipTimer;
  const hideTip = () => { if (tipFor) { tip.hidden = true; tipFor.removeAttribute("aria-describedby"); tipFor = null; } };
  const showTip = el => {
    clearTimeout(tipTimer); if (tipFor === el) return; hideTip();
    tip.replaceChildren(...el.dataset.tip.split("|").map((t, i) => make(i ? "span" : "b", { textContent: t })));
    tip.hidden = false; tipFor = el; el.setAttribute("aria-describedby", "tip");
    const r = el.getBoundingClientRect(), w = tip.offsetWidth, h = tip.offsetHeight;
    tip.style.left = Math.max(8, Math.min(r.left + scrollX, innerWidth - w - 8)) + "px";
    tip.style.top = (r.bottom + h + 12 > innerHeight ? r.top - h - 2 : r.bottom + 2) + scrollY + "px";
  };
  addEventListener("mouseover", e => {
    const el = e.target.closest("[data-tip]"); clearTimeout(tipTimer);
    if (el) tipTimer = setTimeout(showTip, tipFor ? 40 : 180, el);
    else if (!tip.contains(e.target)) tipTimer = setTimeout(hideTip, 150);
  });
  addEventListener("focusin", e => { const el = e.target.closest("[data-tip]"); el && el.matches(":focus-visible") ? showTip(el) : hideTip(); });

  /* sorting: a row without a value is last both ways, equal ones keep their order */
  const val = td => { const x = td.dataset.v ?? td.textContent.trim().toLowerCase(); return x === "" ? null : isNaN(x) ? x : +x; };
  const by = (c, dir) => (a, b) => {
    const [x, y] = c < 0 ? [null, null] : [val(a.cells[c]), val(b.cells[c])];
    return (x === null) - (y === null) || (x < y ? -dir : x > y ? dir : 0) || a._i - b._i;
  };
  const mark = (b, dir) => { b.parentNode.ariaSort = dir ? dir > 0 ? "ascending" : "descending" : "none"; };
  const saySort = b => { const way = b.parentNode.ariaSort; say(b.textContent + (way === "none" ? ": original order" : ", " + way)); };
  $$("table[data-sortable]").forEach(tab => {
    const rows = [...tab.tBodies[0].rows], heads = $$(".sort", tab); rows.forEach((r, i) => { r._i = i; });
    heads.forEach(b => b.addEventListener("click", () => {
      const th = b.parentNode, dir = { none: 1, ascending: -1 }[th.ariaSort];
      heads.forEach(h => mark(h, h === b && dir)); tab.tBodies[0].append(...rows.sort(by(dir ? th.cellIndex : -1, dir))); saySort(b);
    }));
  });

  /* the overview: the address has filter, view and order, and the server draws the same from it */
  const mx = $("table[data-tree]"), PLAIN = { filter: "", status: "all", view: "tree", sort: "" };
  const asked = k => { const v = new URLSearchParams(location.search).get(k); return v && v !== PLAIN[k] ? v : ""; };
  const put = (u, k, v) => v ? u.searchParams.set(k, v) : u.searchParams.delete(k);
  const keep = u => { if (mx) for (const k in PLAIN) put(u, k, asked(k)); return u; };
  if (mx) {
    const form = $("#arrange"), { filter, status } = form, count = $("[data-count]"), body = mx.tBodies[0], rows = [...body.rows], of = {}, above = r => of[r.dataset.parent];
    rows.forEach(r => { r._i = +r.dataset.i; of[r.dataset.slug] = r; });
    let typing = false;
    const show = () => {
      const t = asked("filter").trim().toLowerCase(), s = asked("status"), flat = asked("view"), seen = new Set();
      rows.forEach(r => {
        if ($("th a", r).textContent.toLowerCase().includes(t) && (!s || r.dataset.has.split(" ").includes(s))) for (let p = r; p; p = !flat && above(p)) seen.add(p);
      });
      rows.forEach(r => {
        r.hidden = !seen.has(r) || flat && r.dataset.kids;
        if (!flat && !t && !s) for (let p = above(r); p; p = above(p)) if ($("button", p).ariaExpanded === "false") r.hidden = true;
      });
      const n = rows.filter(r => !r.hidden).length;
      count.textContent = (n < rows.length ? n + " of " : "") + rows.length + (rows.length > 1 ? " rows" : " row"); $("[data-none]").hidden = n > 0;
    };
    const apply = () => {
      const sort = asked("sort"), key = sort.replace("-", ""), dir = key === sort ? 1 : -1, flat = asked("view"); let c = -1;
      $$(".sort", mx).forEach(b => {
        const own = b.dataset.sort, on = own === key; if (on) c = b.parentNode.cellIndex;
        b.value = !on ? own : dir > 0 ? "-" + own : ""; mark(b, on && dir);
      });
      const walk = p => rows.filter(r => flat || r.dataset.parent === p).sort(by(c, dir)).forEach(r => { body.append(r); flat || walk(r.dataset.slug); });
      walk(""); show(); mx.classList.toggle("flat", !!flat);
      $(".nj", form).value = sort; status.value = asked("status");
      if (filter.value !== asked("filter")) filter.value = asked("filter");
      $$("main a[href^='/?'],main a[href='/']").forEach(a => {
        const u = keep(new URL(a.href)), v = a.dataset.view;
        if (v) { put(u, "view", v !== "tree" && v); a.ariaCurrent = v === (flat || "tree"); }
        a.href = u.pathname + u.search;
      });
    };
    const go = (change, typed) => {
      const u = new URL(location); for (const k in change) put(u, k, change[k]);
      /* what is typed at a stretch is one step back */
      if (u.search !== location.search) history[typed && typing ? "replaceState" : "pushState"](null, "", u);
      typing = typed; apply(); say(count.textContent);
    };
    addEventListener("popstate", () => { typing = false; apply(); });
    form.addEventListener("input", e => go({ filter: filter.value, status: status.value }, e.target === filter));
    form.addEventListener("change", () => { typing = false; });
    form.addEventListener("submit", e => {
      const b = e.submitter; e.preventDefault();
      go({ filter: filter.value, status: status.value, sort: b ? b.value : asked("sort") }); if (b?.dataset.sort) saySort(b);
    });
    $$("[data-view]").forEach(a => a.addEventListener("click", e => {
      if (e.ctrlKey || e.metaKey || e.shiftKey) return;
      e.preventDefault(); go({ view: a.dataset.view !== "tree" && a.dataset.view }); say(a.textContent + " view");
    }));
    body.addEventListener("click", e => { const b = e.target.closest("button"); if (b) { b.ariaExpanded = b.ariaExpanded === "false"; show(); } });
    body.addEventListener("keydown", e => {
      const d = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key], td = e.target.closest("td,th"); if (!d) return;
      const vis = [...body.rows].filter(r => !r.hidden), to = vis[vis.indexOf(td.parentNode) + d[0]]?.cells[td.cellIndex + d[1]], a = to && $("a", to);
      if (a) { e.preventDefault(); a.focus(); a.scrollIntoView({ block: "nearest", inline: "nearest" }); }
    });
  }

  /* GET forms without empty parts */
  addEventListener("submit", e => {
    if (e.defaultPrevented || e.target.method !== "get") return;
    const u = new URL(e.target.action); e.preventDefault();
    new FormData(e.target, e.submitter).forEach((v, k) => put(u, k, v)); location.assign(keep(u));
  });

  /* charts: Plotly comes with the first sign of use or late, and draws near the viewport
     over the server's SVG; "$name" is a colour */
  const { plotly } = document.currentScript.dataset;
  const draw = el => {
    const T = JSON.parse($("#plotly-template").textContent)[isDark() ? "dark" : "light"];
    const spec = JSON.parse($("script", el).textContent, (k, v) => v?.[0] === "$" && T.layout.meta[v.slice(1)] || v);
    const at = $(".js", el) || el.appendChild(make("div", { className: "js", ariaHidden: "true" }));
    el.classList.add("on");
    Plotly.react(at, spec.data, { ...spec.layout, ...(innerWidth < 600 && spec.narrow), template: T }, { displayModeBar: false, responsive: true, doubleClick: false });
  };
  const redraw = () => $$("[data-chart].on").forEach(draw);
  const io = new IntersectionObserver(es => es.forEach(e => e.isIntersecting && (io.unobserve(e.target), draw(e.target))), { rootMargin: "400px" });
  const begin = () => begin.on ||= document.head.appendChild(make("script", { src: plotly, onload() { $$("[data-chart]").forEach(p => io.observe(p)); } }));
  if (plotly) { ["pointermove", "pointerdown", "keydown", "scroll"].forEach(s => addEventListener(s, begin)); setTimeout(begin, 9000); }
  paintTheme();
})();
