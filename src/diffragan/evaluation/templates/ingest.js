// Put every part of an ingested scan's page into its place.

document.documentElement.classList.add("scripted");
const fieldPlace = document.getElementById("field-picture");
const hitPlace = document.getElementById("hit-view");
let openFrame = () => false;
if (DATA.field) {
  let at = 0;
  const show = hitView(hitPlace, DATA, fieldPlace, (by) => field.choose(field.next(at, by)));
  const field = fieldPicture(fieldPlace, document.getElementById("field-controls"), DATA.field, (place) => { at = place; show(place); });
  openFrame = (frame) => {
    const place = DATA.field.hits.findIndex((hit) => hit.frame === frame);
    if (place >= 0) field.choose(place);
    return place >= 0;
  };
  field.choose(Math.max(0, DATA.field.hits.findIndex((hit) => hit.item !== null)));
} else {
  fieldPicture(fieldPlace, document.getElementById("field-controls"), null, () => {});
}
const mapsPlace = document.getElementById("scan-maps");
scanMaps(mapsPlace, DATA.maps, (frame) => openFrame(frame)).catch((error) => {
  mapsPlace.textContent = `This browser cannot show the maps (${error.message}).`;
});
