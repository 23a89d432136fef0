// Draws every chart of the page from the JSON beside it. Runs once, makes no request, evaluates no text as code (`ast`).
const ink = "var(--ink)", muted = "var(--muted)", rule = "var(--rule)", font = "system-ui, sans-serif";
const config = {
  background: "transparent",
  font,
  padding: { left: 2, right: 8, top: 6, bottom: 2 },
  autosize: { type: "fit-x", contains: "padding" },
  view: { stroke: null },
  axis: {
    labelColor: muted, labelFontSize: 11, gridColor: rule, gridOpacity: 1, domainColor: rule, tickColor: rule, titleColor: muted,
    labelFont: font,
  },
  axisX: { grid: false, labelFlush: true, labelOverlap: true },
  axisY: { domain: false, ticks: false, tickCount: 4, labelColor: ink },
};
const refuse = () => Promise.reject(new Error("a report loads nothing"));
const loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };

const drawings = [...document.querySelectorAll("[data-chart]")].map((box) => {
  const spec = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  return vegaEmbed(box, spec, { ast: true, actions: false, renderer: "svg", defaultStyle: false, loader, config })
    // The figure carries its own words; the drawing itself is one image to a screen reader.
    .then(() => box.querySelector("svg").setAttribute("aria-hidden", "true"))
    .catch((error) => {
      box.textContent = "This chart could not be drawn; its numbers are in the tables.";
      console.error(error);
    });
});
Promise.all(drawings).then(() => { document.documentElement.dataset.charts = "drawn"; });
