"use strict";
// Pictures: trajectories over the levels of a function, and curves of losses.

{
  // Runs differ in colour and in dashes.
  optgen.MOST_RUNS = 4;
  const DASHES = [[], [8, 3], [3, 3], [10, 3, 2, 3]];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // A canvas as wide as its place, for the pixels of the screen; returns what draws on it.
  const prepared = (canvas) => {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.font = "12px system-ui, sans-serif";
    return { context, width, height };
  };

  // Levels of a function in shades, the lower the darker; equal steps of the logarithm.
  let drawn = {};
  const background = ({ loss, box, minima = [] }, isDark) => {
    const [left, right, bottom, top] = box;
    const key = [String(loss), box, isDark, loss(0.3, 0.7), loss(-0.9, 0.2)].join();
    if (drawn.key === key) return drawn.canvas;
    const size = 240;
    const values = new Float64Array(size * size);
    for (let j = 0; j < size; j += 1) {
      const y = top - ((j + 0.5) * (top - bottom)) / size;
      for (let i = 0; i < size; i += 1) values[j * size + i] = loss(left + ((i + 0.5) * (right - left)) / size, y);
    }
    const least = Math.min(...minima.map(([x, y]) => loss(x, y)), values.reduce((a, b) => Math.min(a, b)));
    const most = values.reduce((a, b) => Math.max(a, b));
    const floor = (most - least) * 1e-4;
    const height = (value) => Math.log((value - least + floor) / floor) / Math.log((most - least + floor) / floor);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [size, size];
    const context = canvas.getContext("2d");
    const image = context.createImageData(size, size);
    values.forEach((value, k) => {
      const level = Math.floor(height(value) * 16) / 16;
      const shade = isDark ? [24 + 62 * level, 30 + 70 * level, 42 + 80 * level] : [176 + 76 * level, 190 + 62 * level, 208 + 45 * level];
      image.data.set([...shade, 255], 4 * k);
    });
    context.putImageData(image, 0, 0);
    drawn = { key, canvas };
    return canvas;
  };

  optgen.drawPlane = (canvas, plane, runs, step) => {
    const { context, width, height } = prepared(canvas);
    const [left, right, bottom, top] = plane.box;
    const at = ([x, y]) => [((x - left) / (right - left)) * width, ((top - y) / (top - bottom)) * height];
    context.drawImage(background(plane, optgen.isDark()), 0, 0, width, height);
    context.strokeStyle = colour("--ink");
    for (const minimum of plane.minima || []) {
      const [x, y] = at(minimum);
      context.beginPath();
      for (const [dx, dy] of [[5, 5], [5, -5]]) {
        context.moveTo(x - dx, y - dy);
        context.lineTo(x + dx, y + dy);
      }
      context.stroke();
    }
    runs.forEach((run, k) => {
      if (!run) return;
      const places = run.places.slice(0, step + 1).map(at).filter((one) => one.every((z) => Math.abs(z) < 1e5));
      context.strokeStyle = context.fillStyle = colour(`--run-${k + 1}`);
      context.lineWidth = 2;
      context.setLineDash(DASHES[k]);
      context.beginPath();
      places.forEach(([x, y]) => context.lineTo(x, y));
      context.stroke();
      context.setLineDash([]);
      if (places.length) {
        context.beginPath();
        context.arc(...places[places.length - 1], 5, 0, 2 * Math.PI);
        context.fill();
      }
    });
  };

  // Losses on a logarithmic scale, with a line at the chosen step.
  optgen.drawLosses = (canvas, runs, step, steps) => {
    const { context, width, height } = prepared(canvas);
    const [left, right, top, bottom] = [52, 10, 10, 26];
    const all = runs.flatMap((run) => (run ? run.losses : [])).filter((one) => Number.isFinite(one));
    const first = Math.max(...runs.map((run) => (run ? run.losses[0] : 0)), 1e-12);
    const least = Math.max(all.reduce((a, b) => Math.min(a, b), Infinity), 1e-16 * first);
    const most = Math.min(all.reduce((a, b) => Math.max(a, b), 0), 1e4 * first);
    const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most) + 1e-9)];
    const x = (k) => left + ((width - left - right) * k) / Math.max(1, steps);
    const y = (loss) => top + ((height - top - bottom) * (high - Math.log10(Math.max(loss, least)))) / Math.max(1, high - low);
    context.fillStyle = colour("--quiet");
    context.strokeStyle = colour("--line");
    context.textAlign = "right";
    const every = Math.max(1, Math.ceil((high - low) / 6));
    for (let power = low; power <= high; power += every) {
      context.fillText(power > -4 && power < 5 ? String(Number((10 ** power).toPrecision(1))) : `1e${power}`, left - 6, y(10 ** power) + 4);
      context.beginPath();
      context.moveTo(left, y(10 ** power));
      context.lineTo(width - right, y(10 ** power));
      context.stroke();
    }
    context.textAlign = "center";
    for (const k of [0, steps / 2, steps]) context.fillText(String(Math.round(k)), Math.min(x(k), width - 16), height - 8);
    context.save();
    context.beginPath();
    context.rect(left, 0, width - left, height - bottom + 2);
    context.clip();
    runs.forEach((run, k) => {
      if (!run) return;
      context.strokeStyle = colour(`--run-${k + 1}`);
      context.lineWidth = 2;
      context.setLineDash(DASHES[k]);
      context.beginPath();
      run.losses.forEach((loss, n) => { if (Number.isFinite(loss)) context.lineTo(x(n), y(loss)); });
      context.stroke();
    });
    context.setLineDash([]);
    context.lineWidth = 1;
    context.strokeStyle = colour("--ink");
    context.beginPath();
    context.moveTo(x(step), top);
    context.lineTo(x(step), height - bottom);
    context.stroke();
    context.restore();
  };

  optgen.isDark = () => window.matchMedia("(prefers-color-scheme: dark)").matches;
}
