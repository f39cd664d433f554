"use strict";
// An optimizer: a rule with its settings, and the programs that its calls run.

optgen.Optimizer = class {
  // `parameters` are objects with `values` and a `shape`. Throws what is wrong with the settings.
  constructor(module, settings, parameters) {
    const rule = optgen.rules[module];
    this.rule = rule;
    this.settings = optgen.checked(rule, settings);
    this.functions = { ...optgen.functions, ...rule.functions };
    this.host = [optgen.functions.feature_scalars, rule.functions.host_scalars];
    this.shapes = Object.fromEntries((rule.matrices || []).map(({ name, shape }) => [name, shape]));
    this.calls = 0;
    this.updates = 0;
    this.isPerturbed = false;
    this.on = { ...this.switches(), matrix: false };
    this.decided = Object.entries(rule.decided);
    this.scalars = { ...this.settings };
    this.variables = parameters.map(
      ({ values, shape }, k) => new optgen.Variable(k, values, shape, rule, this.settings, this.on),
    );
    this.shared = {};
    for (const one of rule.states.filter((state) => state.shape === "optimizer")) {
      if (one.when && ![true, false].some((matrix) => one.when({ ...this.on, matrix }))) continue;
      this.shared[one.name] = typeof one.initial === "string" ? this.settings[one.initial] : one.initial;
    }
  }

  // The switches that settings decide, besides those of a variable.
  switches() {
    const on = { check_finite: false, constrained: false, perturbed: false };
    for (const [name, holds] of Object.entries(this.rule.switches)) on[name] = Boolean(holds(this.settings));
    for (const name of Object.keys(this.rule.decided)) on[name] = false;
    for (const one of this.rule.inputs || []) if (one.optional) on[`${one.name}_given`] = false;
    return on;
  }

  // Set the switches that the next call decides.
  decide(on, inputs) {
    on.perturbed = this.isPerturbed;
    for (const [name, holds] of this.decided) on[name] = Boolean(holds(this.scalars));
    for (const one of this.rule.inputs || []) {
      if (one.optional) on[`${one.name}_given`] = math.given(inputs[one.name]);
    }
  }

  // A call: gradients are one array for each variable, inputs arrays or numbers by name.
  step(gradients, inputs = {}) {
    this.begin(gradients, inputs);
    const { programs } = this.rule;
    const gate = programs.find((one) => one.gate && this.isOn(one) && !this.scalars[one.gate]);
    this.run(gate || programs[0]);
    if (!gate) this.updates += 1;
    this.calls += 1;
    this.isPerturbed = false;
    return !gate;
  }

  get perturbs() {
    const program = this.rule.programs.find((one) => one.name === "perturb");
    return Boolean(program) && this.isOn(program);
  }

  // Move the variables to where the next gradient is taken.
  perturb(gradients) {
    this.begin(gradients, {});
    this.run(this.rule.programs.find((one) => one.name === "perturb"));
    this.isPerturbed = true;
  }

  // What evaluation uses in place of each variable.
  evaluation() {
    const program = this.rule.programs.find((one) => one.name === "evaluate");
    const before = this.variables.map(({ arrays }) => arrays.param.slice());
    if (!program || !this.calls) {
      return this.variables.map(({ arrays, states }) => {
        const found = this.calls ? states.find((one) => one.standsIn) : undefined;
        return (found ? arrays[found.name] : arrays.param).slice();
      });
    }
    this.calls -= 1;
    this.updates -= 1;
    this.begin([], {});
    this.run(program);
    this.calls += 1;
    this.updates += 1;
    const values = this.variables.map(({ arrays }) => arrays.param.slice());
    this.variables.forEach(({ arrays }, k) => arrays.param.set(before[k]));
    return values;
  }

  // Settings and counters, with what a call computes of them.
  hostScalars(on) {
    const scalars = { ...this.settings, call: this.calls + 1, step: this.updates + 1 };
    for (const compute of this.host) compute(scalars, on);
    return scalars;
  }

  isOn(program) {
    return !program.when || this.variables.some((one) => program.when(one.on));
  }

  // Give the optimizer and its variables what a call starts with. Their scalars are kept from call
  // to call, since objects with many properties take long to copy.
  begin(gradients, inputs) {
    const declared = this.rule.inputs || [];
    const arrays = declared.filter((one) => one.shape === "element" && inputs[one.name]);
    this.start(this.scalars, this.on, inputs);
    this.variables.forEach((variable, k) => {
      this.start(variable.scalars, variable.on, inputs);
      Object.assign(variable.scalars, variable.numbers);
      if (gradients[k]) variable.arrays.grad = gradients[k];
      for (const { name } of arrays) variable.arrays[name] = inputs[name][k];
    });
  }

  // Counters, numbers of the optimizer and inputs, and what is computed of them.
  start(scalars, on, inputs) {
    scalars.call = this.calls + 1;
    scalars.step = this.updates + 1;
    Object.assign(scalars, this.shared);
    for (const { name, shape } of this.rule.inputs || []) {
      if (shape === "optimizer") scalars[name] = inputs[name];
    }
    this.decide(on, inputs);
    for (const compute of this.host) compute(scalars, on);
  }

  isOn(program) {
    return !program.when || this.variables.some((one) => program.when(one.on));
  }

  // Run a program phase by phase.
  run(program) {
    const { functions, scalars } = this;
    const chosen = this.variables.filter((one) => !program.when || program.when(one.on));
    for (const phase of chosen.length ? program.phases : []) {
      const passing = chosen.filter((one) => one.passing(phase));
      if (!passing.length && phase.elements && !phase.isDueAnyway) continue;
      const totals = {};
      for (const variable of passing) {
        for (const [name, part] of Object.entries(variable.pass(phase, functions))) {
          totals[name] = (totals[name] || 0) + part;
        }
      }
      Object.assign(scalars, totals);
      if (phase.shared) functions[phase.shared](scalars, chosen[0].on);
      for (const name of phase.shares || []) if (Object.hasOwn(scalars, name)) totals[name] = scalars[name];
      for (const variable of chosen) {
        Object.assign(variable.scalars, totals);
        if (phase.scalars) functions[phase.scalars](variable, variable.on);
        for (const call of variable.on.matrix ? phase.calls || [] : []) optgen.callLibrary(call, variable, this.shapes);
      }
    }
    for (const one of chosen.length ? program.keeps || [] : []) {
      if (Object.hasOwn(this.shared, one.state) && (!one.when || one.when(chosen[0].on))) {
        this.shared[one.state] = scalars[one.value];
      }
    }
    for (const variable of chosen) variable.keep(program);
  }
};

// The settings of a rule, with what is missing. Throws an error that names what isn't allowed.
optgen.checked = (rule, settings) => {
  const found = {};
  for (const one of rule.hyperparameters) {
    const value = Object.hasOwn(settings, one.name) ? settings[one.name] : one.default;
    const isMissing = !math.given(value);
    if (isMissing && !one.optional) throw new Error(`${one.name} is missing`);
    const isNumber = typeof value === "number" && Number.isFinite(value);
    if (!isMissing && typeof one.default !== "boolean" && !isNumber) throw new Error(`${one.name} must be a number`);
    if (!isMissing && one.integer && !Number.isInteger(value)) throw new Error(`${one.name} must be a whole number`);
    if (!isMissing && one.allows && !one.allows({ ...settings, [one.name]: value })) {
      throw new Error(`${one.name} = ${value} is out of range (allowed: ${one.range})`);
    }
    found[one.name] = isMissing ? null : value;
  }
  for (const name of Object.keys(settings)) {
    if (!Object.hasOwn(found, name)) throw new Error(`there is no ${name}`);
  }
  for (const set of rule.exclusive) {
    const both = set.filter((name) => rule.switches[name](found));
    if (both.length > 1) throw new Error(`${both.join(" and ")} exclude each other`.replaceAll("_given", ""));
  }
  return found;
};
