// The page of a study that trains: curves and trials follow what the server tells.
const place = document.getElementById("live");
const here = place.dataset.here, words = JSON.parse(place.dataset.words);
const lang = document.documentElement.lang;
const percent = new Intl.NumberFormat(lang, {style: "percent", minimumFractionDigits: 2, maximumFractionDigits: 2});
const short = new Intl.NumberFormat(lang, {style: "percent", maximumFractionDigits: 1});
const whole = new Intl.NumberFormat(lang), decimal = new Intl.NumberFormat(lang, {maximumSignificantDigits: 4});
const night = matchMedia("(prefers-color-scheme: dark)");
const METRICS = ["accuracy", "loss"], KINDS = ["val_", ""];

const known = await (await fetch(`${here}/curves`)).json();
const trials = known.trials;
let charts = [], stale = false, seen = known.next;

// curves

const MARKED = 12;  // marks on a curve, at most
const MARK = 4;  // half its side, in pixels
const shapes = {
  disc: (path, x, y, r) => { path.moveTo(x + r, y); path.arc(x, y, r, 0, 2 * Math.PI); },
  square: (path, x, y, r) => path.rect(x - r, y - r, 2 * r, 2 * r),
  triangle: (path, x, y, r) => { path.moveTo(x, y - 1.2 * r); path.lineTo(x + 1.2 * r, y + r); path.lineTo(x - 1.2 * r, y + r); path.closePath(); },
};

function marks(mark, colour) {  // what tells apart two variants of one colour
  const paths = (u, i, first, last) => {
    const path = new Path2D(), step = Math.ceil((last - first + 1) / MARKED);
    for (let at = first; at <= last; at += step) if (u.data[i][at] != null) {
      shapes[mark](path, u.valToPos(u.data[0][at], "x", true), u.valToPos(u.data[i][at], "y", true), MARK * devicePixelRatio);
    }
    return {fill: path, stroke: path};
  };
  return {show: true, paths, fill: colour, stroke: colour, width: 1};
}

// A line of each seed; then that of the mean over them, if there are several.
const lines = known.variants.flatMap((variant, rank) => {
  const keys = variant.keys.flatMap((key, seed) => key ? [{keys: [key], seed}] : []);
  const every = keys.length > 1 ? [...keys, {keys: keys.flatMap((one) => one.keys), seed: null}] : keys;
  return every.flatMap((one) => KINDS.map((kind) => ({variant, rank, kind, ...one})));
});

function mean(curves) {  // at each epoch, over the seeds that have reached it
  return Array.from({length: Math.max(0, ...curves.map((curve) => curve.length))}, (_, i) => {
    const known = curves.map((curve) => curve[i]).filter((value) => value != null);
    return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
  });
}

function table(metric) {
  const curves = lines.map(({keys, kind}) => mean(keys.map((key) => trials[key]?.curves[kind + metric] ?? [])));
  const epochs = Math.max(1, ...curves.map((curve) => curve.length));
  const filled = curves.map((curve) => Array.from({length: epochs}, (_, i) => curve[i] ?? null));
  return [Array.from({length: epochs}, (_, i) => i + 1), ...filled];
}

const ticked = (selector) => new Set([...place.querySelectorAll(selector)].filter((box) => box.checked)
  .map((box) => box.dataset.variant ?? box.dataset.kind ?? box.dataset.line));

function shown() {  // which lines are
  const variants = ticked("[data-variant]"), kinds = ticked("[data-kind]"), ways = ticked("[data-line]");
  const alone = !place.querySelector("[data-line]");
  return ({rank, kind, seed}) => variants.has(String(rank)) && kinds.has(kind) && (alone || ways.has(seed == null ? "mean" : "seed"));
}

function around(metric, low, high) {
  if (low == null) return [0, 1];
  const [from, to] = uPlot.rangeNum(low, high, .05, true);
  return metric === "accuracy" ? [Math.max(0, from), Math.min(1, to)] : [Math.max(0, from), to];
}

function draw(metric) {
  const box = place.querySelector(`[data-chart=${metric}]`), readout = place.querySelector(`[data-readout=${metric}]`);
  const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue(name).trim();
  const write = metric === "accuracy" ? percent : decimal, tick = metric === "accuracy" ? short : decimal;
  const axis = {stroke: of("--soft"), grid: {stroke: of("--line"), width: 1}, ticks: {stroke: of("--line"), width: 1}};
  const isShown = shown();
  const stroke = ({variant}) => night.matches ? variant.night : variant.colour;
  const series = lines.map((line) => ({
    stroke: stroke(line), width: (line.kind ? 2 : 1.25) * (line.seed == null ? 1.75 : 1), dash: line.kind ? undefined : [5, 4],
    show: isShown(line), spanGaps: true, alpha: line.kind ? .9 : .65,
    points: line.variant.mark ? marks(line.variant.mark, stroke(line)) : {show: (u) => u.data[0].length < 2},
  }));
  const read = (u) => {
    const i = u.cursor.idx, line = lines.findIndex((_, at) => u.series[at + 1]._focus && u.series[at + 1].show);
    const value = i == null || line < 0 ? null : u.data[line + 1][i];
    readout.textContent = value == null ? "" : `${words.epoch} ${u.data[0][i]} · ${lines[line].variant.name}, ` +
      `${lines[line].seed == null ? words.mean : `${words.seed} ${lines[line].seed}`}, ${lines[line].kind ? words.on_validation : words.on_training} · ${write.format(value)}`;
  };
  const chart = new uPlot({
    width: box.clientWidth, height: 300, legend: {show: false},
    scales: {x: {time: false, range: (u, low, high) => [1, Math.max(high, 2)]}, y: {range: (u, low, high) => around(metric, low, high)}},
    axes: [{...axis, size: 34, label: words.epoch, labelSize: 22, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500], values: (u, at) => at.map((v) => whole.format(v))},
           {...axis, size: 62, values: (u, at) => at.map((v) => tick.format(v))}],
    series: [{}, ...series], focus: {alpha: .25}, cursor: {focus: {prox: 24}, drag: {x: false, y: false}},
    hooks: {setCursor: [read], setSeries: [read]},
  }, table(metric), box);
  return {chart, metric, box};
}

function redraw() {
  for (const {chart} of charts) chart.destroy();
  charts = METRICS.map(draw);
}

function refresh() {  // not while nobody looks
  if (!stale || document.hidden) return;
  stale = false;
  for (const {chart, metric} of charts) chart.setData(table(metric));
}

function toggle() {
  const isShown = shown();
  for (const {chart} of charts) chart.batch(() => lines.forEach((line, i) => {
    const show = isShown(line);
    if (chart.series[i + 1].show !== show) chart.setSeries(i + 1, {show});
  }));
}

redraw();
place.addEventListener("change", toggle);
place.querySelector("[data-every]")?.addEventListener("click", () => {
  const boxes = [...place.querySelectorAll("[data-variant]")], all = boxes.every((box) => box.checked);
  for (const box of boxes) box.checked = !all;
  toggle();
});
night.addEventListener("change", redraw);
document.addEventListener("visibilitychange", refresh);
new ResizeObserver(() => {
  for (const {chart, box} of charts) if (box.clientWidth && chart.width !== box.clientWidth) chart.setSize({width: box.clientWidth, height: 300});
}).observe(place.querySelector(".charts"));

// trials

function show(key) {
  const trial = trials[key], last = trial.curves.val_accuracy?.at(-1);
  for (const cell of document.querySelectorAll(`[data-key="${key}"]`)) {
    const epochs = trial.epochs || cell.dataset.epochs, half = ["training", "stopped"].includes(trial.state);
    cell.dataset.state = trial.state;
    cell.querySelector(".mark").textContent = words[trial.state];
    cell.querySelector(".how").textContent = half && trial.epoch ? `${trial.epoch}/${epochs}`
      : trial.state === "done" && last != null ? percent.format(last) : "";
  }
}

function hear(told) {
  const trial = trials[told.key];
  if (!trial) return;
  trial.state = ["done", "failed", "diverged"].includes(told.what) ? told.what : "training";
  trial.epochs = told.epochs ?? trial.epochs;
  if (told.what === "epoch") {
    trial.epoch = told.epoch;
    for (const [name, value] of Object.entries(told.logs ?? {})) {
      const curve = trial.curves[name] ??= [];
      curve.length = Math.min(curve.length, told.epoch);
      curve[told.epoch - 1] = value;
    }
    stale = true;
  }
  show(told.key);
}

// the whole

const duration = (s) => s < 60 ? `${whole.format(Math.round(s))}\u00a0s`
  : s < 3600 ? `${Math.floor(s / 60)}\u00a0min ${String(Math.floor(s % 60)).padStart(2, "0")}\u00a0s`
  : `${Math.floor(s / 3600)}\u00a0h ${String(Math.floor(s % 3600 / 60)).padStart(2, "0")}\u00a0min`;

function tell(progress) {
  const now = (name) => document.querySelector(`[data-now="${name}"]`);
  for (const name of ["done", "trials", "epochs", "planned"]) now(name).textContent = whole.format(progress[name]);
  Object.assign(now("bar"), {max: progress.planned, value: progress.epochs});
  for (const name of ["spent", "left"]) {
    now(`${name}-card`).hidden = progress[name] == null;
    now(name).textContent = progress[name] == null ? "" : duration(progress[name]);
  }
}

let turning = false;
async function turn(progress) {  // the buttons, the failures: what the server says better
  const {running, failed} = document.getElementById("now").dataset;
  if (!progress.running) for (const [key, trial] of Object.entries(trials)) if (trial.state === "training") {
    trial.state = "stopped";
    show(key);
  }
  if (turning || (running === String(progress.running) && failed === String(progress.failed))) return;
  turning = true;
  try {
    await htmx.ajax("GET", `${here}/now`, {target: "#now", swap: "outerHTML"});
  } finally {
    turning = false;
  }
}

let source = null;
function listen() {  // while somebody looks: a browser has six lines to a server, for all its tabs
  source?.close();
  source = null;
  if (document.hidden) return;
  const lost = place.querySelector("[data-lost]");
  source = new EventSource(`${here}/events?start=${seen}`);
  source.onopen = () => { lost.textContent = ""; };
  source.onmessage = ({data, lastEventId, target}) => {
    if (target !== source) return;
    const message = JSON.parse(data);
    seen = Number(lastEventId);
    if (message.stamp !== known.stamp) return location.reload();
    message.told.forEach(hear);
    tell(message.progress);
    turn(message.progress);
    refresh();
    place.dataset.heard = seen;
  };
  source.onerror = ({target}) => {
    if (target !== source) return;
    lost.textContent = words.lost;
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
document.addEventListener("visibilitychange", listen);
listen();

// the log, while somebody reads it

const log = document.querySelector("[data-log]");
const follow = async () => {
  if (!log.open || document.hidden) return;
  const answer = new DOMParser().parseFromString(await (await fetch(log.dataset.log)).text(), "text/html");
  const pre = log.querySelector("pre"), low = pre.scrollTop + pre.clientHeight > pre.scrollHeight - 30;
  pre.textContent = answer.body.textContent;
  if (low) pre.scrollTop = pre.scrollHeight;
};
log?.addEventListener("toggle", follow);
if (log) setInterval(follow, 2000);
