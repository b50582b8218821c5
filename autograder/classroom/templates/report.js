"use strict";
// Sorting by the buttons in a table's heading; a second press turns the order round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const value = (row, index) => {
    const cell = row.cells[index];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  heads.forEach((head, index) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].map((row) => [value(row, index), row]);
      rows.sort(([a], [b]) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(b)));
      if (down) rows.reverse();
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
}

// The filter hides the rows of other students in all tables.
const filter = document.querySelector(".filter");
filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  let found = 0;
  for (const row of document.querySelectorAll("tr[data-s]")) {
    row.hidden = !row.dataset.s.toLowerCase().includes(wanted);
    if (!row.hidden && row.closest("#students")) found += 1;
  }
  document.querySelector(".found").textContent = wanted ? `${found} found` : "";
});

// One cell of a heat map is in the order of the Tab key; the arrow keys go to the others. What a cell says is shown
// at the foot of the window, for it may be long.
const told = document.getElementById("told");
const tell = (cell) => {
  const said = cell && cell.firstElementChild && cell.firstElementChild.getAttribute("aria-label");
  told.hidden = !said;
  told.textContent = said ? `${cell.parentElement.dataset.s}: ${said}` : "";
};
for (const body of document.querySelectorAll(".heat tbody")) {
  const content = (cell) => cell && cell.tagName === "TD" && cell.firstElementChild;
  for (const each of body.querySelectorAll("td > *")) each.tabIndex = -1;
  const first = body.querySelector("td > *");
  if (first) first.tabIndex = 0;
  body.addEventListener("focusin", (event) => tell(event.target.closest("td")));
  body.addEventListener("focusout", () => tell(null));
  body.addEventListener("mouseover", (event) => tell(event.target.closest("td")));
  body.addEventListener("mouseleave", () => tell(null));
  body.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td");
    if (!cell) return;
    const rows = [...body.rows].filter((row) => !row.hidden);
    let y = rows.indexOf(cell.parentElement);
    let x = cell.cellIndex;
    if (event.key === "ArrowRight") x += 1;
    else if (event.key === "ArrowLeft") x -= 1;
    else if (event.key === "ArrowDown") y += 1;
    else if (event.key === "ArrowUp") y -= 1;
    else if (event.key === "Home") x = 2;
    else if (event.key === "End") x = cell.parentElement.cells.length - 1;
    else return;
    event.preventDefault();
    const next = rows[y] && content(rows[y].cells[x]);
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
}

// Paper has no folds.
addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details:not([open])")) {
    each.dataset.folded = "";
    each.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const each of document.querySelectorAll("details[data-folded]")) each.open = false;
});
