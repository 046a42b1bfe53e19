// A globe of viewing directions in the frame of the molecule, coloured by resolution.

// Cividis, made for readers with any colour vision: Nuñez, Anderton and Renslow, PLOS ONE 13 (2018).
const CIVIDIS = [[0, 34, 78], [53, 69, 108], [102, 105, 112], [148, 142, 119], [200, 184, 102], [254, 232, 56]];

function cividis(share) {
  const at = clamp(share, 0, 1) * (CIVIDIS.length - 1), low = Math.min(CIVIDIS.length - 2, Math.floor(at));
  const parts = CIVIDIS[low].map((part, i) => Math.round(part + (CIVIDIS[low + 1][i] - part) * (at - low)));
  return `rgb(${parts.join(",")})`;
}

/** Build the globe into `host`; returns a function that shows one method and molecule. */
function globe(host, all, opened) {
  const canvas = make("canvas", { class: "globe", ...turnableAttributes("Globe of viewing directions") });
  const said = make("p", { class: "said", role: "status" }, "Drag or use the arrow keys to turn the globe; point at a view to read it, or press Enter for the one in the middle.");
  const legend = make("canvas", { class: "colours", height: 12, width: 200, "aria-hidden": "true" });
  const ends = [make("span"), make("span")];
  host.append(canvas, make("div", { class: "colour-key" }, ends[0], legend, ends[1]), said);
  const pen = legend.getContext("2d");
  for (let at = 0; at < 200; at += 1) { pen.fillStyle = cividis(at / 199); pen.fillRect(at, 0, 1, 12); }
  const angles = { longitude: 30, tilt: 20 };
  let method = all.methods.find((one) => one.name === all.best), molecule = null, size = 300, points = [], near = null;
  turnable(canvas, angles, paint);
  redrawn(host, (width) => { size = Math.min(460, width); paint(); });
  canvas.addEventListener("pointermove", (event) => { if (!event.buttons) point(event); });
  canvas.addEventListener("click", (event) => { point(event); if (near) open(); });
  canvas.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    near = nearest(size / 2, size / 2, size);
    if (near) open();
    paint();
  });

  function open() {
    said.textContent = `${words(near.at)}${opened(all.items[near.at]) ? " It is shown in the gallery above." : " It is not one of the gallery's views."}`;
  }

  function words(at) {
    const item = all.items[at], bound = method.bounds[item], expected = method.expected && method.expected[at];
    return `View ${item} of ${all.molecules[all.molecule[at]]}: ${method.name} reaches ${bound ? `${bound} ` : ""}${method.resolution[at].toFixed(2)} Å${expected ? `, where ${expected.toFixed(2)} Å was expected` : ""}.`;
  }

  function point(event) {
    const box = canvas.getBoundingClientRect();
    near = nearest(((event.clientX - box.left) * size) / box.width, ((event.clientY - box.top) * size) / box.height);
    if (near) said.textContent = words(near.at);
    paint();
  }

  function nearest(x, y, reach = 24) {
    let best = null;
    for (const one of points) {
      const distance = Math.hypot(one.x - x, one.y - y);
      if (one.z > 0 && distance < (best ? best.distance : reach)) best = { ...one, distance };
    }
    return best;
  }

  function paint() {
    const context = sharpen(canvas, size, size), radius = size / 2 - 8, centre = size / 2;
    const [longitude, tilt] = [(angles.longitude * Math.PI) / 180, (angles.tilt * Math.PI) / 180];
    const project = ([x, y, z]) => {
      // The molecule's z points up; longitude turns about it, tilt brings it towards the reader.
      const [across, depth] = [-x * Math.sin(longitude) + y * Math.cos(longitude), x * Math.cos(longitude) + y * Math.sin(longitude)];
      return { x: centre + radius * across, y: centre - radius * (z * Math.cos(tilt) - depth * Math.sin(tilt)), z: depth * Math.cos(tilt) + z * Math.sin(tilt) };
    };
    context.clearRect(0, 0, size, size);
    context.fillStyle = colour("--globe");
    context.beginPath(); context.arc(centre, centre, radius, 0, 7); context.fill();
    context.strokeStyle = colour("--line"); context.lineWidth = 1;
    for (const [name, at] of graticule()) {
      context.beginPath();
      let pen = false;
      for (const direction of at) {
        const where = project(direction);
        if (where.z < 0) { pen = false; continue; }
        context[pen ? "lineTo" : "moveTo"](where.x, where.y);
        pen = true;
      }
      context.lineWidth = name ? 1.6 : 0.8;
      context.stroke();
    }
    const there = all.items.map((_, at) => at).filter((at) => method.resolution[at] !== null && (molecule === null || all.molecule[at] === molecule));
    const values = there.map((at) => method.resolution[at]);
    const [fine, coarse] = [Math.min(...values), Math.max(...values)];
    const share = (value) => (coarse > fine ? Math.log(coarse / value) / Math.log(coarse / fine) : 1);
    points = there.map((at) => ({ at, ...project(all.direction[at]) })).sort((a, b) => a.z - b.z);
    const dot = clamp(70 / Math.sqrt(points.length + 1), 2.2, 7);
    for (const one of points) {
      context.globalAlpha = one.z < 0 ? 0.16 : 1;
      context.fillStyle = cividis(share(method.resolution[one.at]));
      context.beginPath(); context.arc(one.x, one.y, dot * (one.z < 0 ? 0.8 : 1), 0, 7); context.fill();
      // An outline, because the ends of the scale are as dark and as bright as the ground.
      context.globalAlpha *= 0.55;
      context.strokeStyle = colour("--ink"); context.lineWidth = dot > 3 ? 1 : 0.5;
      context.stroke();
    }
    context.globalAlpha = 1;
    if (near) {
      const now = points.find((one) => one.at === near.at);
      context.strokeStyle = colour("--ink"); context.lineWidth = 2;
      if (now && now.z > 0) { context.beginPath(); context.arc(now.x, now.y, dot + 3, 0, 7); context.stroke(); }
    }
    context.strokeStyle = colour("--muted"); context.lineWidth = 1;
    context.beginPath(); context.arc(centre, centre, radius, 0, 7); context.stroke();
    ends[0].textContent = values.length ? `${coarse.toFixed(2)} Å` : "";
    ends[1].textContent = values.length ? `${fine.toFixed(2)} Å` : "";
    canvas.setAttribute("aria-label", values.length
      ? `Globe of ${values.length} viewing directions, coloured by the resolution of ${method.name}, from ${coarse.toFixed(2)} Å (dark) to ${fine.toFixed(2)} Å (bright)`
      : `Globe: ${method.name} phased no view of this protein`);
  }

  function* graticule() {
    const line = (make) => Array.from({ length: 73 }, (_, i) => make((i * 5 * Math.PI) / 180));
    for (let degrees = -60; degrees <= 60; degrees += 30) {
      const [height, round] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
      yield [degrees === 0, line((turn) => [round * Math.cos(turn), round * Math.sin(turn), height])];
    }
    for (let degrees = 0; degrees < 180; degrees += 30) {
      const [east, north] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
      yield [false, line((turn) => [Math.cos(turn) * east, Math.cos(turn) * north, Math.sin(turn)])];
    }
  }

  return (wantedMethod, wantedMolecule) => { method = wantedMethod; molecule = wantedMolecule; near = null; paint(); };
}
