"use strict";
(async () => {
  const root = document.documentElement;
  const charts = [...document.querySelectorAll(".chart")];
  const figures = new Map(charts.map((chart) => [
    chart, JSON.parse(document.getElementById(`${chart.id}-figure`).textContent)]));
  const probe = document.body.appendChild(document.createElement("span"));
  probe.hidden = true;

  // A name such as "answer" is the colour --answer of the style sheet, as it is now.
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const COLOURED = new Set(["color", "fillcolor"]);
  const painted = (value, key) => {
    if (Array.isArray(value)) return value.map((member) => painted(member, key));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, painted(member, name)]));
    }
    return COLOURED.has(key) && typeof value === "string" ? colour(value) : value;
  };

  const touch = matchMedia("(pointer: coarse)").matches;
  const axis = (own) => own && ({
    gridcolor: colour("rule"), linecolor: colour("rule"), zerolinecolor: colour("rule"), ...own,
  });
  const dressed = (layout) => ({
    font: { color: colour("ink"), size: 12, family: getComputedStyle(document.body).fontFamily },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 52, r: 10, t: 8, b: 44 },
    legend: { orientation: "h", x: 0, y: 1.02, xanchor: "left", yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
    hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("rule"), font: { color: colour("ink") } },
    dragmode: touch ? false : "zoom",
    ...layout, xaxis: axis(layout.xaxis), yaxis: axis({ fixedrange: true, ...layout.yaxis }),
  });
  const draw = () => Promise.all(charts.map((chart) => {
    const { data, layout } = figures.get(chart);
    const kept = chart.layout?.xaxis;
    const fresh = dressed(layout);
    if (kept && !kept.autorange) fresh.xaxis = { ...fresh.xaxis, range: [...kept.range], autorange: false };
    return Plotly.react(chart, painted(data), fresh, { displayModeBar: false, responsive: true });
  }));

  // Ranges as numbers: dates in milliseconds, categories by position.
  const number = (chart, end) => chart.layout.xaxis.type === "date" ? Date.parse(`${String(end).replace(" ", "T")}Z`) : +end;
  const end = (chart, value) => chart.layout.xaxis.type === "date" ? new Date(value).toISOString().slice(0, -1) : value;
  const STEPS = { in: [0.25, -0.25], out: [-0.5, 0.5], left: [-0.25, -0.25], right: [0.25, 0.25] };
  const zoom = (chart, how) => {
    if (how === "reset") return Plotly.relayout(chart, { "xaxis.autorange": true });
    const [low, high] = chart.layout.xaxis.range.map((value) => number(chart, value));
    const [first, last] = STEPS[how].map((step) => step * (high - low));
    return Plotly.relayout(chart, { "xaxis.range": [end(chart, low + first), end(chart, high + last)] });
  };

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const told = () => button.setAttribute("aria-pressed", String(isDark()));
  const unpacked = async (element) => {
    const bytes = Uint8Array.from(atob(element.textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };

  button.hidden = false;
  told();
  let redraw = async () => {};
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; told(); redraw(); });
  dark.addEventListener("change", () => { told(); redraw(); });
  if (!charts.length) return;
  try {
    const script = document.createElement("script");
    script.textContent = await unpacked(document.getElementById("plotly"));
    document.head.append(script);
    await draw();
  } catch (error) {
    for (const chart of charts) chart.textContent = "This browser cannot draw the chart; its numbers are in the table below.";
    throw error;
  }
  redraw = draw;
  for (const group of document.querySelectorAll(".zoom")) {
    const chart = group.parentElement.querySelector(".chart");
    group.hidden = chart.layout.barmode === "relative";
    group.addEventListener("click", (event) => { if (event.target.dataset.zoom) zoom(chart, event.target.dataset.zoom); });
  }
  // Paper is light and has a width of its own.
  let theme;
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    redraw();
    for (const chart of charts) Plotly.relayout(chart, { width: 680, height: 280 });
  });
  addEventListener("afterprint", () => {
    if (theme === undefined) delete root.dataset.theme; else root.dataset.theme = theme;
    for (const chart of charts) Plotly.relayout(chart, { autosize: true, width: null, height: null });
    redraw();
  });
  root.dataset.drawn = "true";
})();
