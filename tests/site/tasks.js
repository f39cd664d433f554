// Compares the gradients of tasks with differences of losses, and steps on each; for tests.
"use strict";
const fs = require("fs");
const vm = require("vm");

const { folder, scripts, rules } = JSON.parse(fs.readFileSync(0, "utf8"));
for (const script of scripts) vm.runInThisContext(fs.readFileSync(`${folder}/${script}`, "utf8"));
const optgen = vm.runInThisContext("optgen");

const found = {};
for (const task of optgen.tasks) {
  const options = Object.fromEntries(task.options.map((one) => [one.name, one.value]));
  const problem = task.make(options);
  const random = optgen.random(5);
  const sample = problem.sample(random);
  const point = problem.parameters.map(({ values }) => Float64Array.from(values, (one) => one + 0.1 * random.normal()));
  const { gradients } = problem.evaluate(point, sample);
  let worst = 0;
  point.forEach((array, k) => {
    const length = Math.hypot(...gradients[k]);
    for (let i = 0; i < array.length; i += Math.ceil(array.length / 20)) {
      const [value, h] = [array[i], 1e-5];
      const losses = [value + h, value - h].map((one) => {
        array[i] = one;
        return problem.evaluate(point, sample).loss;
      });
      array[i] = value;
      const error = Math.abs((losses[0] - losses[1]) / (2 * h) - gradients[k][i]);
      worst = Math.max(worst, error / length);
    }
  });
  const runs = rules.map((rule) => {
    const run = new optgen.Run(rule, { learning_rate: 1e-4 }, problem, 1);
    while (!run.isOver && run.steps < 20) run.advance();
    const again = new optgen.Run(rule, { learning_rate: 1e-4 }, problem, 1);
    while (!again.isOver && again.steps < 20) again.advance();
    const isSame = JSON.stringify(run.losses) === JSON.stringify(again.losses);
    return { first: run.losses[0], last: run.losses[run.steps], isSame };
  });
  const minima = problem.plane ? problem.plane.minima.map(([x, y]) => problem.plane.loss(x, y)) : [];
  found[task.name] = { worst, runs, minima };
}
process.stdout.write(JSON.stringify(found));
