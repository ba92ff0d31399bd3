// The matrix is shown again as soon as something else is chosen; the images of a cell take the focus.
for (const select of document.querySelectorAll(".choice select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

document.addEventListener("htmx:afterSettle", (event) => {
  const images = document.getElementById("images");
  if (event.detail.target?.id === "images" && images) {
    images.scrollIntoView({ block: "start" });
    images.focus({ preventScroll: true });
  }
});
