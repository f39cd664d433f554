"use strict";
// A run of an optimizer on a problem, step by step.

optgen.Run = class {
  // Throws what is wrong with the settings.
  constructor(module, settings, problem, seed) {
    this.problem = problem;
    this.optimizer = new optgen.Optimizer(module, settings, problem.parameters);
    this.random = optgen.random(seed);
    this.probes = optgen.random(seed + 1);
    this.places = [];
    this.losses = [];
    this.history = [];
    this.before = null; // The parameters of the step before.
    this.isOver = false;
    this.record();
  }

  get arrays() {
    return this.optimizer.variables.map(({ arrays }) => arrays.param);
  }

  get steps() {
    return this.losses.length - 1;
  }

  // Make a step, unless the loss isn't finite.
  advance() {
    if (this.isOver) return;
    const { problem, optimizer } = this;
    const sample = problem.sample(this.random);
    let found = problem.evaluate(this.arrays, sample);
    if (optimizer.perturbs) {
      optimizer.perturb(found.gradients);
      found = problem.evaluate(this.arrays, sample);
    }
    optimizer.step(found.gradients, this.inputs(found, sample));
    this.record();
  }

  // What rules are given beside the gradient. What a task can't know, such as a loss of other data,
  // is left out of a rule that does without.
  inputs({ loss, gradients }, sample) {
    const known = {
      loss: () => loss,
      hessian: () => this.diagonal(gradients, sample),
      gradient_before: () => this.before && this.problem.evaluate(this.before, sample).gradients,
    };
    const usual = ({ shape }) => (shape === "optimizer" ? known.loss : known.hessian);
    const found = {};
    for (const one of this.optimizer.rule.inputs || []) {
      const make = known[one.name] || (one.optional ? () => undefined : usual(one));
      found[one.name] = make();
    }
    if ("gradient_before" in found) this.before = this.arrays.map((one) => one.slice());
    return found;
  }

  // The estimate of the Hessian's diagonal of Hutchinson, from two gradients.
  diagonal(gradients, sample) {
    const h = 1e-5;
    const signs = gradients.map((one) => one.map(() => (this.probes.uniform() < 0.5 ? -1 : 1)));
    const moved = this.arrays.map((one, k) => one.map((value, i) => value + h * signs[k][i]));
    const there = this.problem.evaluate(moved, sample).gradients;
    return gradients.map((one, k) => one.map((value, i) => (signs[k][i] * (there[k][i] - value)) / h));
  }

  record() {
    const { problem, arrays } = this;
    const due = this.losses.length % (problem.reportEvery || 1) === 0;
    const loss = due ? this.lossAt(this.optimizer.evaluation()) : this.losses[this.losses.length - 1];
    this.losses.push(loss);
    if (problem.plane) this.places.push(problem.plane.place(arrays));
    const size = arrays.reduce((sum, one) => sum + one.length, 0);
    if (size <= 64) this.history.push(this.state());
    this.isOver = !arrays.every((one) => one.every((value) => Math.abs(value) < 1e150)) || !Number.isFinite(loss);
  }

  lossAt(arrays) {
    if (this.problem.report) return this.problem.report(arrays);
    const still = this.problem.sample({ normal: () => 0, uniform: () => 0 });
    return this.problem.evaluate(arrays, still).loss;
  }

  // Numbers of the optimizer, and arrays of each variable, by name.
  state() {
    const { optimizer } = this;
    return {
      numbers: { ...optimizer.shared },
      variables: optimizer.variables.map(({ arrays, states, numbers }) => {
        const found = { param: arrays.param.slice() };
        if (arrays.grad) found.grad = arrays.grad.slice();
        for (const { name } of states) found[name] = name in numbers ? [numbers[name]] : arrays[name].slice();
        return found;
      }),
    };
  }

  stateAt(step) {
    return this.history.length ? this.history[Math.min(step, this.history.length - 1)] : this.state();
  }
};

// The rates that are tried, from the middle outwards, so that a search may end early.
optgen.RATES = Array.from({ length: 19 }, (_, k) => Number((10 ** (-5 + k / 3)).toPrecision(2)));
optgen.RATES.sort((a, b) => Math.abs(Math.log10(a) + 2) - Math.abs(Math.log10(b) + 2));

// Finds the rate with which a rule comes to the smallest loss; each rule has as many tries. A
// generator of the best rate and the number of tries so far, so that a page can draw in between.
optgen.searchRate = function* (module, settings, problem, steps, seed) {
  const best = { rate: optgen.RATES[0], loss: Infinity, tries: 0 };
  for (const rate of optgen.RATES) {
    const run = new optgen.Run(module, { ...settings, learning_rate: rate }, problem, seed);
    while (!run.isOver && run.steps < steps) {
      run.advance();
      yield best;
    }
    // The last tenth counts, so that a lucky step doesn't.
    const last = run.losses.slice(-Math.ceil(steps / 10));
    const loss = run.isOver ? Infinity : last.reduce((sum, one) => sum + one, 0) / last.length;
    best.tries += 1;
    if (loss < best.loss) Object.assign(best, { rate, loss });
  }
  yield best;
};
