// The surface of a map at a level, and a picture of it: no graphics card needed.

/** Surface nets of a cube of bytes (x fastest): vertices inside the cells that the level crosses.
    Source: Gibson, MICCAI 1998, LNCS 1496, 888. */
function surfaceOf(grey, side, level) {
  const number = new Int32Array(side * side * side).fill(-1);
  const places = [], faces = [];
  const [down, up] = [[1, side, side * side], side - 1];
  const corners = [0, 1, side, side + 1, side * side, side * side + 1, side * side + side, side * side + side + 1];
  const edges = [[0, 1], [2, 3], [4, 5], [6, 7], [0, 2], [1, 3], [4, 6], [5, 7], [0, 4], [1, 5], [2, 6], [3, 7]];
  for (let z = 0; z < up; z += 1) for (let y = 0; y < up; y += 1) for (let x = 0; x < up; x += 1) {
    const cell = x + side * (y + side * z);
    let inside = 0;
    for (let corner = 0; corner < 8; corner += 1) if (grey[cell + corners[corner]] >= level) inside |= 1 << corner;
    if (inside === 0 || inside === 255) continue;
    let [px, py, pz, crossed] = [0, 0, 0, 0];
    for (const [a, b] of edges) {
      if (((inside >> a) & 1) === ((inside >> b) & 1)) continue;
      const [first, second] = [grey[cell + corners[a]], grey[cell + corners[b]]];
      const share = (level - first) / (second - first);
      px += (a & 1) + share * ((b & 1) - (a & 1));
      py += ((a >> 1) & 1) + share * (((b >> 1) & 1) - ((a >> 1) & 1));
      pz += (a >> 2) + share * ((b >> 2) - (a >> 2));
      crossed += 1;
    }
    number[cell] = places.length / 3;
    places.push(x + px / crossed, y + py / crossed, z + pz / crossed);
  }
  for (let z = 1; z < up; z += 1) for (let y = 1; y < up; y += 1) for (let x = 1; x < up; x += 1) {
    const cell = x + side * (y + side * z), here = grey[cell] >= level;
    for (let axis = 0; axis < 3; axis += 1) {
      if (here === grey[cell + down[axis]] >= level) continue;
      const [u, v] = [down[(axis + 1) % 3], down[(axis + 2) % 3]];
      const [a, b, c, d] = [number[cell], number[cell - u], number[cell - u - v], number[cell - v]];
      if (here) faces.push(a, b, c, a, c, d);
      else faces.push(a, c, b, a, d, c);
    }
  }
  const mesh = { places: Float32Array.from(places), faces: Uint32Array.from(faces), side };
  mesh.normals = normalsOf(grey, side, mesh.places);
  return mesh;
}

/** Unit vectors down the slope of the density, which is smoother than the facets. */
function normalsOf(grey, side, places) {
  const normals = new Float32Array(places.length), steps = [1, side, side * side];
  for (let at = 0; at < places.length; at += 3) {
    const cell = [0, 1, 2].map((i) => clamp(Math.round(places[at + i]), 1, side - 2));
    const middle = cell[0] + side * (cell[1] + side * cell[2]);
    const slope = steps.map((step) => grey[middle - step] - grey[middle + step]);
    const length = Math.hypot(...slope) || 1;
    for (let i = 0; i < 3; i += 1) normals[at + i] = slope[i] / length;
  }
  return normals;
}

/** Give each vertex a colour by a cube of bytes: along a palette from 1 to 255, `unknown` where 0. */
function colourBy(mesh, bytes, palette, unknown) {
  const last = mesh.side - 1;
  mesh.colours = new Float32Array(mesh.places.length);
  for (let at = 0; at < mesh.places.length; at += 3) {
    const [x, y, z] = [0, 1, 2].map((i) => clamp(Math.round(mesh.places[at + i]), 0, last));
    const value = bytes[x + mesh.side * (y + mesh.side * z)];
    mesh.colours.set(value ? paletteAt(palette, (value - 1) / 254) : unknown, at);
  }
}

/** Draw a mesh from an angle into a square of pixels, lit from the upper left, far parts paler.
    Where the mesh has colours of its own they are taken. */
function drawSurface(mesh, pixels, size, { longitude, tilt }, plain, ground) {
  let [red, green, blue] = plain;
  const count = mesh.places.length / 3, half = (mesh.side - 1) / 2, scale = (0.5 * size) / (half * 1.25);
  const at = new Float32Array(count * 4);
  const [turn, lean] = [(longitude * Math.PI) / 180, (tilt * Math.PI) / 180];
  const [sinTurn, cosTurn, sinLean, cosLean] = [Math.sin(turn), Math.cos(turn), Math.sin(lean), Math.cos(lean)];
  const view = (x, y, z) => {
    const depth = x * cosTurn + y * sinTurn;
    return [-x * sinTurn + y * cosTurn, z * cosLean - depth * sinLean, depth * cosLean + z * sinLean];
  };
  for (let i = 0; i < count; i += 1) {
    const [across, up, near] = view(mesh.places[3 * i] - half, mesh.places[3 * i + 1] - half, mesh.places[3 * i + 2] - half);
    const [right, high, facing] = view(mesh.normals[3 * i], mesh.normals[3 * i + 1], mesh.normals[3 * i + 2]);
    at[4 * i] = size / 2 + across * scale;
    at[4 * i + 1] = size / 2 - up * scale;
    at[4 * i + 2] = near;
    at[4 * i + 3] = 0.42 + 0.62 * Math.max(0, -0.35 * right + 0.5 * high + 0.79 * facing);
  }
  const depths = new Float32Array(size * size).fill(-Infinity);
  pixels.fill(ground);
  for (let face = 0; face < mesh.faces.length; face += 3) {
    const [a, b, c] = [4 * mesh.faces[face], 4 * mesh.faces[face + 1], 4 * mesh.faces[face + 2]];
    const [ax, ay, bx, by, cx, cy] = [at[a], at[a + 1], at[b], at[b + 1], at[c], at[c + 1]];
    const area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
    if (area === 0) continue;
    if (mesh.colours) {
      // One colour a face: faces are smaller than what a colour tells.
      const first = 3 * mesh.faces[face];
      [red, green, blue] = [mesh.colours[first], mesh.colours[first + 1], mesh.colours[first + 2]];
    }
    const [left, right] = [Math.max(0, Math.ceil(Math.min(ax, bx, cx))), Math.min(size - 1, Math.floor(Math.max(ax, bx, cx)))];
    const [top, foot] = [Math.max(0, Math.ceil(Math.min(ay, by, cy))), Math.min(size - 1, Math.floor(Math.max(ay, by, cy)))];
    for (let y = top; y <= foot; y += 1) for (let x = left; x <= right; x += 1) {
      const u = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area;
      const v = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area;
      const w = 1 - u - v;
      if (u < 0 || v < 0 || w < 0) continue;
      const near = u * at[a + 2] + v * at[b + 2] + w * at[c + 2];
      const pixel = x + size * y;
      if (near <= depths[pixel]) continue;
      depths[pixel] = near;
      const light = (u * at[a + 3] + v * at[b + 3] + w * at[c + 3]) * (0.88 + (0.14 * near) / half);
      const shine = 110 * Math.max(0, light - 0.8);
      pixels[pixel] = (255 << 24) | (Math.min(255, blue * light + shine) << 16) | (Math.min(255, green * light + shine) << 8) | Math.min(255, red * light + shine);
    }
  }
}
