// The gallery: one view at a time, any two of its pictures under the wipe, and its curves.

function gallery(host, all) {
  const methodOf = (key) => (key.startsWith("method ") ? key.slice(7) : null);
  const nameOf = (key) => methodOf(key) ?? key;
  const molecules = [...new Set(all.views.map((view) => view.molecule))];
  let place = 0, left = "low resolution", right = null;

  const stageBox = make("div"), strip = make("div", { class: "strip", role: "group", "aria-label": "All pictures of this view" });
  const said = make("p", { class: "said", role: "status" });
  const chartBox = make("div");
  const viewsOf = (molecule) => all.views.map((_, at) => at).filter((at) => all.views[at].molecule === molecule);
  const protein = choice("Protein", molecules.map((molecule) => all.molecules[molecule]), 0, (at) => go(viewsOf(molecules[at])[0]));
  const view = choice("View", ["1"], 0, (at) => go(viewsOf(all.views[place].molecule)[at]));
  const step = (by, words) => make("button", { type: "button", class: "step", "aria-label": words,
    onclick: () => go((place + by + all.views.length) % all.views.length) }, by < 0 ? "‹" : "›");
  const sides = [choice("Left", ["–"], 0, (at) => { left = keys()[at]; show(); }),
    choice("Right", ["–"], 0, (at) => { right = keys()[at]; show(); })];
  host.append(
    make("div", { class: "fields" }, protein.box, step(-1, "Previous view"), view.box, step(1, "Next view"), sides[0].box, sides[1].box),
    make("div", { class: "twin" }, make("div", {}, stageBox, strip), make("div", {}, said, chartBox)));
  if (molecules.length < 2) protein.box.hidden = true;
  const showPair = wipe(stageBox);
  let drawChart = null;
  go(0);

  function keys() { return Object.keys(all.views[place].pictures); }

  function go(wanted) {
    place = wanted;
    const now = all.views[place], of = viewsOf(now.molecule);
    protein.select.selectedIndex = molecules.indexOf(now.molecule);
    view.select.replaceChildren(...of.map((at, number) => make("option", {}, `${number + 1} of ${of.length} (item ${all.views[at].item})`)));
    view.select.selectedIndex = of.indexOf(place);
    if (!keys().includes(left)) left = keys()[0];
    if (!right || !keys().includes(right)) right = keys().find((key) => methodOf(key) === all.best) || keys().at(-1);
    for (const side of sides) side.select.replaceChildren(...keys().map((key) => make("option", {}, nameOf(key))));
    const chart = chartOf(now);
    if (drawChart) drawChart(chart);
    else drawChart = curves(chartBox, chart, { height: 400, groups: false });
    show();
  }

  function show() {
    const now = all.views[place];
    sides[0].select.selectedIndex = keys().indexOf(left);
    sides[1].select.selectedIndex = keys().indexOf(right);
    showPair(pictureOf(now, left), pictureOf(now, right));
    strip.replaceChildren(...keys().map((key) => make("button", {
      type: "button", "aria-pressed": String(key === right), onclick: () => { right = key; show(); strip.children[keys().indexOf(key)].focus(); },
    }, make("img", { src: pictureOf(now, key).source, alt: "" }), make("span", { class: "caption" }, nameOf(key)),
      make("span", { class: "aside" }, now.resolution[methodOf(key)] || ""),
      now.expected[methodOf(key)] ? make("span", { class: "aside" }, now.expected[methodOf(key)].split(",")[0]) : null)));
    const reached = Object.entries(now.resolution).map(([name, words]) => `${name} ${words}${now.expected[name] ? ` (${now.expected[name]})` : ""}`).join(", ");
    said.textContent = `View ${now.item} of ${all.molecules[now.molecule]}: ${reached || "no method phased it"} at FRC 0.5.`;
  }

  function pictureOf(now, key) {
    const pattern = key === "diffraction", method = methodOf(key);
    const what = pattern ? "Diffraction pattern" : method ? `Image recovered by ${method}` : key === "truth" ? "True image" : "Low-resolution image";
    return {
      source: `data:image/webp;base64,${now.pictures[key]}`, name: nameOf(key),
      alt: `${what} of view ${now.item} of ${all.molecules[now.molecule]}${method ? `, resolution ${now.resolution[method]}` : ""}`,
      rings: pattern ? all.rings : null, bar: pattern ? null : now.bar,
    };
  }

  function chartOf(now) {
    const hidden = new Set(drawChart ? chartOf.shown.filter((one) => !one.on).map((one) => one.label) : []);
    chartOf.shown = Object.entries(now.frc).map(([name, values]) => ({
      ...all.methods[name], label: name, group: "", values, dash: "", on: !hidden.has(name), resolution: now.resolution[name],
    }));
    return {
      label: `Fourier ring correlation of view ${now.item} with its truth`, axis: "FRC of this view", frequency: all.frequency,
      limit: all.limit, end: all.end, thresholds: all.thresholds, series: chartOf.shown,
    };
  }

  return (item) => {
    const at = all.views.findIndex((one) => one.item === item);
    if (at >= 0) go(at);
    return at >= 0;
  };
}
