// Drawing with the mouse or a finger, dropping a file: both end as the form's own file, which is then sent.
const form = document.getElementById("try");
const file = document.getElementById("file");
const answer = document.getElementById("answer");

function forget() {  // what was answered, and what may still be
  htmx.trigger(form, "htmx:abort");
  answer.replaceChildren(document.getElementById("before").content.cloneNode(true));
}

let clear = () => {};  // the sheet, where there is one
function send(blob, name) {
  const transfer = new DataTransfer();
  transfer.items.add(new File([blob], name, { type: blob.type }));
  file.files = transfer.files;
  form.requestSubmit();
}

const canvas = document.getElementById("canvas");
if (canvas) {
  document.querySelector(".drawing-board").hidden = false;
  const pen = canvas.getContext("2d");
  const thickness = document.getElementById("thickness");
  let last = null;

  clear = () => {
    pen.fillStyle = "white";
    pen.fillRect(0, 0, canvas.width, canvas.height);
  };

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
  }

  function draw(event) {
    const to = place(event);
    pen.lineWidth = thickness.valueAsNumber;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = "black";
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(to[0] + 0.1, to[1]); // a line of no length is not drawn: a dot would not be
    pen.stroke();
    last = to;
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    draw(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last) for (const step of event.getCoalescedEvents?.() ?? [event]) draw(step);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (last) canvas.toBlob((blob) => send(blob, "drawing.png"));
      last = null;
    });
  }
  document.getElementById("clear").addEventListener("click", () => {
    clear();
    file.value = "";
    forget();
  });
  clear();
}

function sent() {  // an image of elsewhere takes the place of the drawing
  clear();
  form.requestSubmit();
}

file.addEventListener("change", () => file.files.length && sent());
const zone = document.querySelector(".drop");
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  zone.addEventListener(name, (event) => {
    event.preventDefault();
    zone.classList.toggle("over", name === "dragenter" || name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) {
      file.files = event.dataTransfer.files;
      sent();
    }
  });
}

// A refusal is a page of its own: what it says is shown here.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400) {
    event.detail.shouldSwap = true;
    event.detail.selectOverride = ".callout";
  }
});
document.addEventListener("htmx:sendError", () => {
  const lost = document.createElement("p");
  lost.className = "callout bad";
  lost.textContent = answer.dataset.lost;
  answer.replaceChildren(lost);
});
