// Put every part of a reconstruction's page into its place.

document.documentElement.classList.add("scripted");
const shellPlace = document.getElementById("shell-curves");
if (shellPlace) curves(shellPlace, DATA.shells, { groups: false });
const residuePlace = document.getElementById("residue-chart");
if (residuePlace) residueChart(residuePlace, DATA.model);
const mapPlace = document.getElementById("map-view");
showMap(mapPlace, { ...DATA.map, fsc: null }).catch((error) => {
  mapPlace.textContent = `This browser cannot show the map (${error.message}).`;
});
