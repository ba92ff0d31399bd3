// The form follows what is chosen: the side of the images, that of the set; how many trainings there will be.
const choices = document.getElementById("choices");
const said = document.getElementById("trainings");
const { data, size, seeds } = choices.elements;
const side = () => data.selectedOptions[0].dataset.side;
const whole = new Intl.NumberFormat(document.documentElement.lang);
let before = side();

data.addEventListener("change", () => {
  if (size.value === before) size.value = side();
  before = side();
});
choices.addEventListener("input", () => {
  const ticked = [...choices.querySelectorAll("[name=variations]:checked")].filter((box) => box.checkVisibility());
  const models = 1 + ticked.length;
  const known = { models, seeds: seeds.valueAsNumber, n: models * seeds.valueAsNumber };
  said.hidden = !(known.n > 0);
  said.textContent = said.dataset.said.replace(/\{(\w+)\}/g, (_, name) => whole.format(known[name]));
});

// How much of an archive has been sent. Without script, or without a progress to show, the form is sent as any other.
const form = document.getElementById("send");
const sending = form.querySelector(".sending");
const bar = sending.querySelector("progress");
const stop = sending.querySelector("button");
const told = document.getElementById("sent-so-far");
const outcome = form.querySelector(".outcome");
const controls = [...form.querySelectorAll(".row button, .row input")];
let request = null;

function busy(yes) {
  sending.hidden = !yes;
  for (const control of controls) control.disabled = yes;
  if (!yes) request = null;
}

function say(...content) {
  busy(false);
  outcome.replaceChildren(...content);
  form.querySelector(".row button").focus();
}

function sentence(text) {
  const said = document.createElement("p");
  said.className = "callout bad";
  said.role = "alert";
  said.textContent = text;
  return said;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  outcome.replaceChildren();
  if (form.elements.archive.files[0].size > Number(form.dataset.most)) {
    say(sentence(form.dataset.large));
    return;
  }
  const content = new FormData(form);
  request = new XMLHttpRequest();
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.max = total;
    bar.value = loaded;
    told.textContent = told.dataset.sending.replace("{n}", Math.floor((100 * loaded) / total));
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    told.role = "status"; // said aloud, unlike each percent before
    told.textContent = told.dataset.checking;
  });
  request.addEventListener("load", ({ target }) => {
    if (target.status < 400) {
      location.assign(`${target.responseURL}#made`);
      return;
    }
    const page = new DOMParser().parseFromString(target.responseText, "text/html");
    const refusal = page.querySelector(".callout");
    say(refusal ? document.adoptNode(refusal) : sentence(target.responseText));
  });
  request.addEventListener("error", () => say(sentence(form.dataset.lost)));
  request.addEventListener("abort", () => say(sentence(form.dataset.stopped)));
  request.open("POST", form.action);
  request.send(content);
  busy(true);
  stop.focus();
});
stop.addEventListener("click", () => request?.abort());
