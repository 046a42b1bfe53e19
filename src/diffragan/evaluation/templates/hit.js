// One hit: its pattern, its molecule's piece of the image, and what phasing made of it.

const PIECE_PIXELS = 256;

/** Returns what shows a hit by its place in the list; `go(by)` asks for the next one. */
function hitView(host, all, picture, go) {
  const title = make("span", {}, "");
  const said = make("p", { class: "said", role: "status" });
  const pictures = make("div", { class: "pictures" }), listed = make("dl", { class: "listed" });
  const step = (by, words) => make("button", { type: "button", class: "step", "aria-label": words, onclick: () => go(by) }, by < 0 ? "‹" : "›");
  host.append(make("div", { class: "fields" }, step(-1, "Previous hit"), title, step(1, "Next hit")), pictures, listed, said);

  return (place) => {
    const hit = all.field.hits[place], shown = all.pictures[hit.item];
    title.textContent = `Hit ${place + 1} of ${all.field.hits.length}`;
    pictures.replaceChildren(...(shown ? Object.entries(shown.sources).map(([name, source]) => one(hit, name, source, shown.bar)) : [cut(hit)]));
    listed.replaceChildren(...hit.facts.flatMap(([name, words]) => [make("dt", {}, name), make("dd", {}, words)]));
    const without = hit.item === null ? "It was not handed over, so only its place in the image is shown." : "There are more observations than pictures; this one has none.";
    said.textContent = `Frame ${hit.frame}: ${hit.facts[0][1]}. ${shown ? "" : without}`;
  };

  function one(hit, name, source, bar) {
    const pattern = name === "pattern";
    const words = pattern ? "Pattern" : name === "image" ? "Overview image" : `Phased by ${name.slice("method ".length)}`;
    return box(words, layer({ source: `data:image/webp;base64,${source}`, name: words, alt: `${words} of frame ${hit.frame}`, rings: pattern ? all.rings : null, bar: pattern ? null : bar }));
  }

  function box(words, content) {
    return make("div", {}, make("p", {}, words), make("div", { class: "stage" }, content));
  }

  /** The picture of the field around a hit that is no observation. */
  function cut(hit) {
    const ground = picture.querySelector(".ground"), canvas = make("canvas", { width: PIECE_PIXELS, height: PIECE_PIXELS, role: "img", "aria-label": `Overview image around frame ${hit.frame}` });
    if (!ground) return make("p", {}, "");
    const source = make("img", { src: ground.getAttribute("href"), alt: "" }), side = all.field.piece;
    source.decode().then(() => canvas.getContext("2d").drawImage(source, hit.middle[0] - side / 2, hit.middle[1] - side / 2, side, side, 0, 0, PIECE_PIXELS, PIECE_PIXELS));
    return box(`Overview image, ${Math.round(all.field.piece_angstrom)} Å wide`, canvas);
  }
}
