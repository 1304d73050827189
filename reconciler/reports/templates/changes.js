
"use strict";
const filters = document.getElementById("filters");
const person = document.getElementById("person");
const kind = document.getElementById("kind");
const shown = document.getElementById("shown");
const rows = [...document.querySelectorAll("#changes tbody tr")];
const choose = () => {
  const wanted = person.value.trim().toLowerCase();
  let count = 0;
  for (const row of rows) {
    const fits = row.dataset.person.toLowerCase().includes(wanted)
      && (kind.value === "" || row.dataset.kind === kind.value);
    row.hidden = !fits;
    count += fits;
  }
  shown.textContent = `Shown: ${count} of ${rows.length}.`;
};
person.addEventListener("input", choose);
kind.addEventListener("change", choose);
filters.hidden = false;
choose();
