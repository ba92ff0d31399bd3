// What is wrong in a page for those who cannot see it, or not well, as a list of sentences; by what the browser computes.
() => {
  const wrong = [];
  const says = (element) => `<${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""}> ${element.textContent.trim().slice(0, 40)}`;

  const titles = document.querySelectorAll("h1").length;
  if (titles !== 1) wrong.push(`${titles} h1`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) wrong.push(`two elements have the id ${id}`);
  for (const canvas of document.querySelectorAll("canvas")) {
    if (!canvas.closest("[role=img][aria-label]")) wrong.push("a drawing has no name");
  }
  for (const image of document.querySelectorAll("img:not([alt])")) wrong.push(`no alt: ${image.src.slice(0, 80)}`);

  // wider than the window, outside of anything that scrolls by itself: what the body cuts off cannot be read
  const holds = (element) => element !== document.body && getComputedStyle(element).overflowX !== "visible";
  const fits = (element) => element.getBoundingClientRect().right <= innerWidth + 1;
  for (const element of document.body.querySelectorAll("*")) {
    if (fits(element) || !element.checkVisibility({visibilityProperty: true})) continue;
    let around = element.parentElement;
    while (around && around !== document.documentElement && !(holds(around) && fits(around))) around = around.parentElement;
    if (!around || around === document.documentElement) wrong.push(`wider than the window: ${says(element)}`);
  }

  // contrast of text with the colours behind it, those of the elements around it; pictures and gradients are not looked at
  const parsed = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.e-]+/g).map(Number), unit = colour.startsWith("color(") ? 1 : 255;
    return [r / unit, g / unit, b / unit, a];
  };
  const over = (front, back) => [0, 1, 2].map((i) => front[i] * front[3] + back[i] * (1 - front[3]));
  const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(parsed(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reduceRight((back, layer) => over(layer, back), [1, 1, 1]);
  };
  const opacity = (element) => element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange(), told = new Set();
  while (texts.nextNode()) {
    const text = texts.currentNode, element = text.parentElement;
    if (!text.data.trim() || !element.checkVisibility({visibilityProperty: true}) || element.closest(":disabled, script, style, noscript")) continue;
    range.selectNodeContents(text);
    const {width, height} = range.getBoundingClientRect();
    if (width < 2 || height < 2 || element.closest(".hidden")) continue;
    const style = getComputedStyle(element), back = behind(element);
    const [r, g, b, a] = parsed(element.closest("svg") ? style.fill : style.color);
    const [low, high] = [luminance(over([r, g, b, a * opacity(element)], back)), luminance(back)].sort((x, y) => x - y);
    const ratio = (high + 0.05) / (low + 0.05), size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const wanted = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const line = `contrast ${ratio.toFixed(2)}, ${style.color} on ${back.map((c) => Math.round(255 * c))}: ${says(element)}`;
    if (ratio < wanted && !told.has(line)) wrong.push(line);
    told.add(line);
  }
  return wrong;
}
