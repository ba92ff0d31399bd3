// Curves are drawn from the table that holds their numbers, again each time the table is replaced.
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const HEIGHT = 340;
const night = matchMedia("(prefers-color-scheme: dark)");
const lang = document.documentElement.lang;
let drawn = null;

const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const faint = colour => `${colour}26`;

function read(table) {
  const heads = [...table.tHead.rows[0].cells].slice(1), rows = [...table.tBodies[0].rows];
  const column = (i, what) => rows.map(row => {
    const value = row.cells[i + 1].dataset[what];
    return value === undefined ? null : Number(value);
  });
  return {
    epochs: rows.map((_, i) => i + 1),
    curves: heads.map((head, i) => ({
      name: head.textContent,
      colour: night.matches ? head.dataset.night : head.dataset.day,
      mean: column(i, "mean"), low: column(i, "low"), high: column(i, "high"),
    })),
  };
}

function draw() {
  const chart = document.querySelector(".chart"), table = document.querySelector("table.curves");
  drawn?.destroy();
  drawn = null;
  if (!chart || !table) return;
  const {epochs, curves} = read(table);
  const share = chart.dataset.share === "1";
  const format = new Intl.NumberFormat(lang, share ? {style: "percent", maximumFractionDigits: 2} : {maximumSignificantDigits: 4});
  const tell = (_, value) => value === null || value === undefined ? "—" : format.format(value);
  const axis = {stroke: style("--soft"), grid: {stroke: style("--line"), width: 1}, ticks: {stroke: style("--line"), width: 1}};
  const hidden = {show: false};
  const series = [{label: chart.dataset.epoch, value: (_, epoch) => epoch ?? "—"}], bands = [], data = [epochs];
  curves.forEach((curve, i) => {
    const at = series.length;
    series.push({label: curve.name, stroke: curve.colour, width: 2, dash: DASHES[i % DASHES.length], value: tell, points: {show: epochs.length < 3}});
    series.push({label: "", stroke: "transparent", width: 0, points: hidden}, {label: "", stroke: "transparent", width: 0, points: hidden});
    bands.push({series: [at + 2, at + 1], fill: faint(curve.colour)});
    data.push(curve.mean, curve.low, curve.high);
  });
  drawn = new uPlot({
    width: chart.clientWidth, height: HEIGHT, series, bands,
    scales: {x: {time: false}},
    axes: [
      {...axis, label: chart.dataset.epoch, labelSize: 22, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]},
      {...axis, size: 62, values: (_, values) => values.map(value => format.format(value))},
    ],
    legend: {markers: {width: 3}},
  }, data, chart);
  // the ends of the bands need no line in the legend
  drawn.root.querySelectorAll(".u-series").forEach((line, i) => { line.hidden = i > 0 && (i - 1) % 3 > 0; });
}

draw();
addEventListener("resize", () => drawn?.setSize({width: drawn.root.parentElement.clientWidth, height: HEIGHT}));
night.addEventListener("change", draw);
document.addEventListener("htmx:afterSettle", event => { if (event.target.id === "drawn") draw(); });

const metric = document.getElementById("metric"), ofClass = document.getElementById("of").parentElement;
metric.addEventListener("change", () => { ofClass.hidden = metric.value !== "recall"; });

document.addEventListener("input", event => {
  const told = document.querySelector(`output[for="${event.target.id}"]`);
  if (told) told.textContent = new Intl.NumberFormat(lang, {minimumFractionDigits: 2}).format(event.target.value);
});
