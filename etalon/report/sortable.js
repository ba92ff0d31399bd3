"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], original = [...body.rows];
  const keyed = (row, i) => row.cells[i].dataset.sort;
  const compare = (a, b, numeric) => a === "" || b === "" ? (a === "") - (b === "")
    : numeric ? a - b : a.localeCompare(b, document.documentElement.lang, {numeric: true});
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const was = head.getAttribute("aria-sort");
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      const now = was === null ? "ascending" : was === "ascending" ? "descending" : null;
      const sign = now === "descending" ? -1 : 1, numeric = head.dataset.kind !== "text";
      const rows = [...original];
      if (now) {
        head.setAttribute("aria-sort", now);
        rows.sort((a, b) => {
          const x = keyed(a, i), y = keyed(b, i);
          return (x === "" || y === "" ? 1 : sign) * compare(x, y, numeric);
        });
      }
      body.append(...rows);
    });
  });
}
