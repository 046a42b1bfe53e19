// Two pictures over each other; a handle wipes from the one to the other.

/** Build the stage into `host`; `show(left, right)` takes what `layer` makes. */
function wipe(host) {
  const under = make("div", { class: "layer" }), over = make("div", { class: "layer over" });
  const handle = make("div", { class: "handle", "aria-hidden": "true" });
  const names = [make("span", { class: "tag left" }), make("span", { class: "tag right" })];
  const stage = make("div", { class: "stage" }, over, under, handle, ...names);
  const control = slider("Wipe", { min: 0, max: 100, step: 1, value: 50 },
    (value) => `${value} % left picture`, move);
  stage.addEventListener("pointerdown", (event) => { stage.setPointerCapture(event.pointerId); follow(event); });
  stage.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });
  host.append(stage, control.box);
  move(50);

  function follow(event) {
    const box = stage.getBoundingClientRect();
    control.set(Math.round(clamp((100 * (event.clientX - box.left)) / box.width, 0, 100)));
    move(Number(control.input.value));
  }

  function move(share) {
    stage.style.setProperty("--share", `${share}%`);
  }

  return (left, right) => {
    // The left picture lies on top and is cut at the handle.
    under.replaceChildren(layer(left));
    over.replaceChildren(layer(right));
    names[0].textContent = left.name;
    names[1].textContent = right.name;
  };
}

/** One picture with its scale: rings of resolution on a pattern, a bar on an image. */
function layer({ source, name, alt, rings, bar }) {
  const marks = draw("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" });
  for (const ring of rings || []) {
    const radius = 100 * ring.radius;
    marks.append(draw("circle", { class: "ring", cx: 50, cy: 50, r: radius }));
    // On both sides, so that one is seen however the pattern is cut.
    for (const side of [-1, 1]) {
      const place = { x: 50 + side * radius * Math.SQRT1_2, y: 51 + side * radius * Math.SQRT1_2 };
      marks.append(draw("text", { class: "ring-name", ...place, "text-anchor": "middle" }, `${Number(ring.angstrom.toFixed(2))} Å`));
    }
  }
  if (bar) {
    const length = 100 * bar.share;
    const words = bar.angstrom >= 10 ? `${bar.angstrom / 10} nm` : `${bar.angstrom} Å`;
    marks.append(draw("path", { class: "bar-edge", d: `M${96 - length} 95H96` }), draw("path", { class: "bar", d: `M${96 - length} 95H96` }),
      draw("text", { class: "bar-name", x: 96 - length / 2, y: 92.6, "text-anchor": "middle" }, words));
  }
  return make("div", { class: "picture" }, make("img", { src: source, alt: alt || name, draggable: "false" }), marks);
}
