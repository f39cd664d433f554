"use strict";
// A small network on images of handwritten digits: 64 inputs, a hidden layer, 10 classes.

{
  const [INPUTS, CLASSES, HELD_OUT] = [64, 10, 200];

  // Images as rows of 64 pixels from 0 to 1, packed as one hexadecimal digit each.
  const unpacked = ({ pixels, labels }) => ({
    images: Float64Array.from(pixels, (digit) => parseInt(digit, 16) / 15),
    labels: Uint8Array.from(labels, Number),
  });

  // The loss, the gradients of all parameters, and the number of images that are classified rightly.
  const evaluated = (parameters, data, rows, hidden, wantsGradients) => {
    const [first, firstBias, second, secondBias] = parameters;
    const gradients = parameters.map((one) => new Float64Array(wantsGradients ? one.length : 0));
    const active = new Float64Array(hidden);
    const scores = new Float64Array(CLASSES);
    let [loss, right] = [0, 0];
    for (const row of rows) {
      const image = data.images.subarray(row * INPUTS, (row + 1) * INPUTS);
      const label = data.labels[row];
      for (let j = 0; j < hidden; j += 1) {
        let sum = firstBias[j];
        for (let i = 0; i < INPUTS; i += 1) sum += image[i] * first[i * hidden + j];
        active[j] = sum > 0 ? sum : 0;
      }
      let most = -Infinity;
      for (let k = 0; k < CLASSES; k += 1) {
        let sum = secondBias[k];
        for (let j = 0; j < hidden; j += 1) sum += active[j] * second[j * CLASSES + k];
        scores[k] = sum;
        most = Math.max(most, sum);
      }
      right += scores[label] === most ? 1 : 0;
      let total = 0;
      for (let k = 0; k < CLASSES; k += 1) total += Math.exp(scores[k] - most);
      loss += (Math.log(total) + most - scores[label]) / rows.length;
      if (!wantsGradients) continue;
      const errors = scores.map((one, k) => (Math.exp(one - most) / total - (k === label ? 1 : 0)) / rows.length);
      errors.forEach((one, k) => { gradients[3][k] += one; });
      for (let j = 0; j < hidden; j += 1) {
        if (active[j] === 0) continue;
        let back = 0;
        for (let k = 0; k < CLASSES; k += 1) {
          gradients[2][j * CLASSES + k] += active[j] * errors[k];
          back += second[j * CLASSES + k] * errors[k];
        }
        gradients[1][j] += back;
        for (let i = 0; i < INPUTS; i += 1) gradients[0][i * hidden + j] += back * image[i];
      }
    }
    return { loss, gradients, right };
  };

  const make = ({ hidden, batch }) => {
    const data = unpacked(optgen.digits);
    const count = data.labels.length - HELD_OUT;
    const { normal } = optgen.random(11);
    const weights = (rows, columns) => ({
      values: Array.from({ length: rows * columns }, () => normal() * Math.sqrt(2 / rows)),
      shape: [rows, columns],
    });
    const bias = (size) => ({ values: [...new Float64Array(size)], shape: [size] });
    const shown = [...Array(HELD_OUT).keys()];
    const heldOut = shown.map((k) => count + k);
    return {
      parameters: [weights(INPUTS, hidden), bias(hidden), weights(hidden, CLASSES), bias(CLASSES)],
      sample: ({ uniform }) => Array.from({ length: batch }, () => Math.floor(count * uniform())),
      evaluate: (arrays, rows) => evaluated(arrays, data, rows, hidden, true),
      report: (arrays) => evaluated(arrays, data, shown, hidden, false).loss,
      score: (arrays) => {
        const { right } = evaluated(arrays, data, heldOut, hidden, false);
        return `${((100 * right) / HELD_OUT).toFixed(1)} % of ${HELD_OUT} other images`;
      },
      // The loss of many images takes longer than a step.
      reportEvery: 5,
      steps: 300,
      searchSteps: 100,
    };
  };

  optgen.tasks.push({
    name: "digits", title: "Network on digits", make, script: "digits.js",
    about: "A network with one hidden layer, on images of handwritten digits. The curve is the loss of 200 images that steps see batches of.",
    options: [
      { name: "hidden", title: "Hidden units", value: 16, least: 1, most: 128, isWhole: true },
      { name: "batch", title: "Images in a batch", value: 32, least: 1, most: 256, isWhole: true },
    ],
  });
}
