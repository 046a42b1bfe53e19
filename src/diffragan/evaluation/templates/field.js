// The overview image: what is drawn on it can be switched, and a hit is chosen by mouse or keys.

const MOST_ZOOM = 8;
const MARKS_GROW = 0.6;

/** Marks as they are in the list of hits; on the picture those that were kept lie on top. */
function inOrder(marks) {
  return [...marks].sort((one, other) => Number(one.dataset.place) - Number(other.dataset.place));
}

/** Bring the picture to life; `open` is told which hit was chosen, by its place in the list. */
function fieldPicture(picture, controls, data, open) {
  const marks = inOrder(picture.querySelectorAll(".hit")), hits = picture.querySelector(".hits");
  const chosen = picture.querySelector(".chosen"), size = Number(hits.dataset.size);
  const whole = picture.viewBox.baseVal, full = { width: whole.width, height: whole.height };
  const places = marks.map((mark) => [Number(mark.dataset.x), Number(mark.dataset.y)]);
  const hidden = new Set(), keys = [...document.querySelectorAll(".still .mark-key")];
  let at = -1, zoom = 1, middle = [full.width / 2, full.height / 2], held = null;

  marks.forEach((mark, place) => {
    const label = mark.querySelector("title").textContent;
    fill(mark, { role: "button", tabindex: "-1", "aria-pressed": "false", "aria-label": label, onclick: () => choose(place) }, []);
  });
  picture.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = marks.indexOf(document.activeElement);
    if (from < 0) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(from); }
    if (!way) return;
    event.preventDefault();
    const next = nearest(from, way);
    if (next >= 0) { choose(next); marks[next].focus(); }
  });
  picture.addEventListener("pointerdown", (event) => { if (zoom > 1) held = [event.clientX, event.clientY]; });
  picture.addEventListener("pointermove", (event) => {
    if (!held || !event.buttons) return;
    const scale = full.width / zoom / picture.clientWidth;
    middle = [middle[0] - (event.clientX - held[0]) * scale, middle[1] - (event.clientY - held[1]) * scale];
    held = [event.clientX, event.clientY];
    frame();
  });
  addEventListener("pointerup", () => { held = null; });

  const looks = data ? data.looks : [];
  const layers = [["Image", picture.querySelector(".ground")], ["Scan", picture.querySelector(".scan")], ["Molecules found", picture.querySelector(".molecules")]];
  const toggles = make("div", { class: "toggles", role: "group", "aria-label": "What is drawn" });
  for (const [name, part] of layers) if (part) toggles.append(toggle(name, (on) => part.toggleAttribute("hidden", !on), null, null));
  looks.forEach((look, fate) => {
    const count = marks.filter((mark) => Number(mark.dataset.fate) === fate).length;
    toggles.append(toggle(`${look.name} (${count})`, (on) => {
      if (on) hidden.delete(fate); else hidden.add(fate);
      for (const mark of marks) if (Number(mark.dataset.fate) === fate) mark.toggleAttribute("hidden", !on);
      reachable();
    }, look.words, keys[fate]));
  });
  const zooming = slider("Zoom", { min: 1, max: MOST_ZOOM, step: 0.5, value: 1 }, (value) => `${value} times`, (value) => {
    zoom = value;
    if (at >= 0) middle = [...places[at]];
    frame();
  });
  controls.append(toggles, make("div", { class: "fields" }, zooming.box));
  reachable();

  function toggle(name, change, words, key) {
    const button = make("button", { type: "button", class: "toggle", "aria-pressed": "true", title: words, onclick: () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      change(on);
    } }, key ? key.cloneNode(true) : null, make("span", { class: "label" }, name));
    return button;
  }

  function visible(place) { return !hidden.has(Number(marks[place].dataset.fate)); }

  /** One hit at a time is reached by Tab: the chosen one, or the first that is seen. */
  function reachable() {
    const first = at >= 0 && visible(at) ? at : marks.findIndex((_, place) => visible(place));
    marks.forEach((mark, place) => mark.setAttribute("tabindex", place === first ? "0" : "-1"));
  }

  /** The nearest hit that lies in a direction rather than across it. */
  function nearest(from, [right, down]) {
    let best = -1, least = Infinity;
    places.forEach(([x, y], place) => {
      const along = (x - places[from][0]) * right + (y - places[from][1]) * down;
      const across = Math.abs((x - places[from][0]) * down) + Math.abs((y - places[from][1]) * right);
      const cost = along + 2 * across;
      if (place !== from && visible(place) && along > 0 && across <= along * 1.5 && cost < least) { best = place; least = cost; }
    });
    return best;
  }

  function choose(place) {
    at = place;
    marks.forEach((mark, other) => mark.setAttribute("aria-pressed", String(other === place)));
    // Moving the mark on top of the others would take the focus away from it.
    const focused = document.activeElement === marks[place];
    hits.append(marks[place]);
    if (focused) marks[place].focus();
    reachable();
    outline();
    if (zoom > 1) { middle = [...places[place]]; frame(); }
    open(place);
  }

  /** Draw the beam, and the square of the image that belongs to the hit. */
  function outline() {
    const [x, y] = places[at], hit = data.hits[at], half = data.piece / 2;
    const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([across, up]) => {
      const [right, above] = data.axes.map((row) => half * (row[0] * across + row[1] * up));
      return `${(hit.middle[0] + right).toFixed(1)},${(hit.middle[1] - above).toFixed(1)}`;
    }).join(" ");
    chosen.replaceChildren(...["", " over"].flatMap((kind) => [
      draw("circle", { class: `chosen-beam${kind}`, cx: x, cy: y, r: data.beam / 2 }),
      hit.item === null ? null : draw("polygon", { class: `chosen-piece${kind}`, points: corners }),
    ]).filter((part) => part !== null));
  }

  function frame() {
    const width = full.width / zoom, height = full.height / zoom;
    middle = [clamp(middle[0], width / 2, full.width - width / 2), clamp(middle[1], height / 2, full.height - height / 2)];
    picture.setAttribute("viewBox", `${middle[0] - width / 2} ${middle[1] - height / 2} ${width} ${height}`);
    picture.classList.toggle("zoomed", zoom > 1);
    const scale = size / zoom ** MARKS_GROW;
    marks.forEach((mark, place) => mark.setAttribute("transform", `translate(${places[place][0]} ${places[place][1]}) scale(${scale})`));
  }

  return {
    choose,
    next: (from, by) => {
      for (let step = 1; step <= marks.length; step += 1) {
        const place = (((from + by * step) % marks.length) + marks.length) % marks.length;
        if (visible(place)) return place;
      }
      return from;
    },
  };
}
