// Tables whose headings sort their rows.

function sortable(table) {
  const body = table.tBodies[0];
  const headings = [...[...table.tHead.rows].at(-1).cells];
  headings.forEach((heading, column) => {
    const button = make("button", { type: "button", onclick: () => sort(column) }, heading.textContent);
    heading.replaceChildren(button);
  });

  function sort(column) {
    const down = headings[column].getAttribute("aria-sort") === "ascending";
    for (const heading of headings) heading.removeAttribute("aria-sort");
    headings[column].setAttribute("aria-sort", down ? "descending" : "ascending");
    const order = (row) => row.cells[column].dataset.order;
    const rows = [...body.rows].sort((a, b) => {
      const [one, other] = [order(a), order(b)];
      // What is not known stands last, whichever the direction.
      if (one === "" || other === "") return (one === "") - (other === "");
      const numbers = [Number(one), Number(other)];
      const compared = numbers.some(Number.isNaN) ? one.localeCompare(other) : numbers[0] - numbers[1];
      return down ? -compared : compared;
    });
    body.append(...rows);
  }
}
