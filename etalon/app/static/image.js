// The value beside each slider follows it, in the page's own way of writing numbers.
const form = document.getElementById("sliders");
const written = new Intl.NumberFormat(document.documentElement.lang);

function tell() {
  for (const output of form.querySelectorAll("output")) {
    output.value = `${written.format(document.getElementById(output.htmlFor.value).valueAsNumber)}${output.dataset.unit}`;
  }
}

form.addEventListener("input", tell);
form.addEventListener("reset", () => setTimeout(() => {
  tell();
  form.dispatchEvent(new Event("input", { bubbles: true }));
}));
tell();
