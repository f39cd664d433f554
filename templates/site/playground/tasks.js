"use strict";
// What optimizers are run on. A task makes a problem: parameters to start from, and a function from
// the arrays of parameters, and a sample of a run, to a loss and its gradients.

optgen.tasks = [];

// Reproducible numbers between 0 and 1 (mulberry32), and normal ones.
optgen.random = (seed) => {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
};

// The gradient of a function of two numbers, where a task has no formula of it.
const slopes = (loss) => (x, y) => {
  const h = 1e-6;
  return [(loss(x + h, y) - loss(x - h, y)) / (2 * h), (loss(x, y + h) - loss(x, y - h)) / (2 * h)];
};

// A function of two numbers, drawn in a box [left, right, bottom, top].
const plane = ({ loss, gradient = slopes(loss), box, start, minima }, { noise = 0, x, y }) => ({
  parameters: [{ values: [x ?? start[0], y ?? start[1]], shape: [2] }],
  sample: ({ normal }) => [noise * normal(), noise * normal()],
  evaluate: ([point], sample) => {
    const slope = gradient(point[0], point[1]);
    return { loss: loss(point[0], point[1]), gradients: [Float64Array.from(slope, (one, k) => one + sample[k])] };
  },
  plane: { box, loss, minima, place: ([point]) => [point[0], point[1]], isChosen: true },
  steps: 300,
});

const NOISE = { name: "noise", title: "Noise of the gradient", value: 0, least: 0, most: 1000 };

const planeTask = (name, title, about, given, options = [NOISE]) => {
  const make = (values) => plane(typeof given === "function" ? given(values) : given, values);
  optgen.tasks.push({ name, title, about, options, make, isCheap: true });
};

planeTask("valley", "Curved valley", "Rosenbrock's function: the way to the minimum is a flat, bent valley with steep walls.", {
  loss: (x, y) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
  gradient: (x, y) => [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)],
  box: [-2, 2, -1, 3], start: [-1.2, 1.5], minima: [[1, 1]],
});

const CONDITION = { name: "condition", title: "Condition number", value: 100, least: 1, most: 1e8 };
planeTask("bowl", "Ill-conditioned bowl", "A quadratic function, steep along one direction and flat along another; neither is an axis.", ({ condition }) => {
  const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
  const turned = (x, y) => [c * x + s * y, c * y - s * x];
  return {
    loss: (x, y) => { const [u, v] = turned(x, y); return (u * u + condition * v * v) / 2; },
    gradient: (x, y) => { const [u, v] = turned(x, y); return [c * u - s * condition * v, s * u + c * condition * v]; },
    box: [-2, 2, -2, 2], start: [-1.5, 1.2], minima: [[0, 0]],
  };
}, [CONDITION, NOISE]);

planeTask("saddle", "Saddle", "The start is near a ridge between two minima, where the gradient almost vanishes.", {
  loss: (x, y) => x * x / 2 - y * y / 2 + y ** 4 / 4 + 0.25,
  gradient: (x, y) => [x, y ** 3 - y],
  box: [-2, 2, -2, 2], start: [-1.6, 0.002], minima: [[0, 1], [0, -1]],
});

planeTask("minima", "Four minima", "Himmelblau's function: where a run ends depends on the rule.", {
  loss: (x, y) => (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
  box: [-5, 5, -5, 5], start: [-0.5, -1], minima: [[3, 2], [-2.805118, 3.131312], [-3.77931, -3.283186], [3.584428, -1.848126]],
});

planeTask("plateau", "Plateau", "Beale's function: flat in the middle, with walls a thousand times as steep.", {
  loss: (x, y) => (1.5 - x + x * y) ** 2 + (2.25 - x + x * y * y) ** 2 + (2.625 - x + x * y ** 3) ** 2,
  box: [-4.5, 4.5, -4.5, 4.5], start: [-2, 2], minima: [[3, 0.5]],
});

planeTask("corner", "Corner", "The sum of magnitudes: the gradient doesn't shrink near the minimum.", {
  loss: (x, y) => Math.abs(x) + Math.abs(y) / 10,
  gradient: (x, y) => [Math.sign(x), Math.sign(y) / 10],
  box: [-2, 2, -2, 2], start: [-1.5, 1.5], minima: [[0, 0]],
});

planeTask("bumps", "Bumps", "A bowl with many local minima (Rastrigin's function, with low bumps).", {
  loss: (x, y) => x * x + y * y + 2 - Math.cos(2 * Math.PI * x) - Math.cos(2 * Math.PI * y),
  gradient: (x, y) => [x, y].map((one) => 2 * one + 2 * Math.PI * Math.sin(2 * Math.PI * one)),
  box: [-3, 3, -3, 3], start: [-2.6, 2.3], minima: [[0, 0]],
});

// A quadratic function of a matrix; seen along the flattest and the steepest direction.
const manyDirections = ({ condition, noise }) => {
  const size = 20;
  const { normal } = optgen.random(7);
  const curvature = Float64Array.from({ length: size }, (_, k) => condition ** (k / (size - 1)) / condition);
  const axis = Float64Array.from({ length: size }, normal);
  const length = axis.reduce((sum, one) => sum + one * one, 0);
  // A reflection, so that no direction is an axis.
  const reflected = (some) => {
    const along = (2 * some.reduce((sum, one, k) => sum + one * axis[k], 0)) / length;
    return some.map((one, k) => one - along * axis[k]);
  };
  const loss = (some) => some.reduce((sum, one, k) => sum + curvature[k] * one * one, 0) / 2;
  return {
    parameters: [{ values: [...reflected(new Float64Array(size).fill(1))], shape: [4, 5] }],
    sample: (random) => Float64Array.from({ length: size }, () => noise * random.normal()),
    evaluate: ([point], sample) => {
      const seen = reflected(point);
      const slope = reflected(seen.map((one, k) => one * curvature[k]));
      return { loss: loss(seen), gradients: [slope.map((one, k) => one + sample[k])] };
    },
    plane: {
      box: [-1.5, 1.5, -1.5, 1.5], minima: [[0, 0]],
      loss: (x, y) => (curvature[0] * x * x + curvature[size - 1] * y * y) / 2,
      place: ([point]) => { const seen = reflected(point); return [seen[0], seen[size - 1]]; },
    },
    steps: 500,
  };
};
optgen.tasks.push({
  name: "directions", title: "Ill-conditioned quadratic", isCheap: true, make: manyDirections,
  about: "A quadratic function of a matrix of 4 by 5, drawn along its flattest (across) and its steepest direction (up).",
  options: [{ ...CONDITION, value: 1000 }, NOISE],
});

// A linear model of noisy measurements, of which each step sees a few.
const regression = ({ batch, noise }) => {
  const [count, size] = [256, 10];
  const { normal } = optgen.random(3);
  const truth = Float64Array.from({ length: size }, normal);
  const inputs = Array.from({ length: count }, () => Float64Array.from({ length: size }, (_, k) => normal() * 10 ** (-k / size)));
  const dot = (a, b) => a.reduce((sum, one, k) => sum + one * b[k], 0);
  const outputs = inputs.map((row) => dot(row, truth) + noise * normal());
  const all = [...Array(count).keys()];
  const evaluate = ([weights], rows) => {
    const gradient = new Float64Array(size);
    let loss = 0;
    for (const row of rows) {
      const error = dot(inputs[row], weights) - outputs[row];
      loss += (error * error) / (2 * rows.length);
      inputs[row].forEach((one, k) => { gradient[k] += (error * one) / rows.length; });
    }
    return { loss, gradients: [gradient] };
  };
  return {
    parameters: [{ values: [...new Float64Array(size)], shape: [size] }],
    sample: ({ uniform }) => Array.from({ length: batch }, () => Math.floor(count * uniform())),
    evaluate,
    report: (arrays) => evaluate(arrays, all).loss,
    steps: 400,
  };
};
optgen.tasks.push({
  name: "regression", title: "Noisy regression", isCheap: true, make: regression,
  about: "A linear model of 256 noisy measurements with 10 numbers each, of which each step sees a batch. The curve is the loss of all.",
  options: [
    { name: "batch", title: "Measurements in a batch", value: 8, least: 1, most: 256, isWhole: true },
    { name: "noise", title: "Noise of measurements", value: 0.3, least: 0, most: 10 },
  ],
});
