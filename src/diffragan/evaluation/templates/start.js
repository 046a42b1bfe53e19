// Put every part of the page into its place.

document.documentElement.classList.add("scripted");
curves(document.getElementById("frc"), DATA.frc);
for (const table of document.querySelectorAll("table.sortable")) sortable(table);

const galleryPlace = document.getElementById("gallery");
const openView = galleryPlace ? gallery(galleryPlace, DATA.gallery) : () => false;

const orientationPlace = document.getElementById("orientation-views");
if (orientationPlace) {
  const all = DATA.orientations, molecules = [...new Set(all.molecule)];
  let method = all.methods.findIndex((one) => one.name === all.best), molecule = null;
  const boxes = [make("div"), make("div", { class: "globe-box" })];
  const update = () => { showSpread(molecule); showGlobe(all.methods[method], molecule); };
  const choices = [
    choice("Protein", ["all", ...molecules.map((at) => all.molecules[at])], 0, (at) => { molecule = at ? molecules[at - 1] : null; update(); }),
    choice("Globe coloured by", all.methods.map((one) => one.name), method, (at) => { method = at; update(); }),
  ];
  orientationPlace.append(make("div", { class: "fields" }, ...choices.map((one) => one.box)), make("div", { class: "twin" }, ...boxes));
  if (molecules.length < 2) choices[0].box.hidden = true;
  const showSpread = spread(boxes[0], all);
  const showGlobe = globe(boxes[1], all, openView);
}

for (const place of document.querySelectorAll("[data-map]")) {
  showMap(place, DATA.maps[Number(place.dataset.map)]).catch((error) => {
    place.textContent = `This browser cannot show the map (${error.message}).`;
  });
}

addEventListener("beforeprint", () => {
  for (const table of document.querySelectorAll("details.use")) table.open = true;
});
