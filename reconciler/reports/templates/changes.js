
"use strict";
const filters = document.getElementById("filters");
const person = document.getElementById("person");
const selects = ["school", "kind"].map((id) => document.getElementById(id)).filter(Boolean);
const shown = document.getElementById("shown");
const rows = [...document.querySelectorAll("#changes tbody tr")];
const choose = () => {
  const wanted = person.value.trim().toLowerCase();
  let count = 0;
  for (const row of rows) {
    const fits = row.dataset.person.toLowerCase().includes(wanted)
      && selects.every(({id, value}) => value === "" || row.dataset[id] === value);
    row.hidden = !fits;
    count += fits;
  }
  shown.textContent = `Shown: ${count} of ${rows.length}.`;
};
person.addEventListener("input", choose);
selects.forEach((each) => each.addEventListener("change", choose));
filters.hidden = false;
choose();
