"use strict";
// A variable: its arrays by name, and the scalars of a call.

optgen.Variable = class {
  // `values` are the first ones; `view` says whether it may be a matrix.
  constructor(number, values, shape, rule, settings, on) {
    const isMatrix = Boolean(rule.view) && shape.length === 2;
    if (rule.view && shape.length > 2) throw new Error("a variable has two dimensions at most");
    this.number = number;
    this.on = { ...on, matrix: isMatrix };
    this.arrays = { param: Float64Array.from(values) };
    this.size = values.length;
    this.numbers = {};
    this.setForm(isMatrix, shape, rule, settings);
    this.scalars = { ...settings, ...this.sizes };
    this.states = rule.states.filter((one) => one.shape !== "optimizer" && this.has(one));
    for (const one of this.states) this.begin(one, settings);
    for (const one of isMatrix ? [...(rule.vectors || []), ...(rule.matrices || [])] : []) {
      this.arrays[one.name] = new Float64Array(this.count(one.shape));
    }
  }

  has(state) {
    return !state.when || state.when(this.on);
  }

  // The lengths of its sides, and the numbers of its shape that rules read.
  setForm(isMatrix, shape, rule, settings) {
    const [rows, columns] = isMatrix ? shape : [this.size, 1];
    const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)];
    const bound = rule.hyperparameters.find((one) => one.bounds === "rank");
    this.isTall = rows > columns;
    this.sides = { rows, columns, short, long, rank: bound ? Math.min(settings[bound.name], short) : 0 };
    this.sizes = {
      tensor_size: this.size, tensor_rows: rows, tensor_columns: columns, tensor_dims: shape.length,
      matrices: 1, row_count: rows, column_count: columns,
    };
  }

  // The rows and columns of a matrix of a shape.
  form(shape) {
    const [first, second] = shape === "element" ? ["rows", "columns"] : shape.split("_by_");
    return [this.sides[first], this.sides[second]];
  }

  // How many numbers there are of a shape.
  count(shape) {
    if (shape === "element") return this.size;
    if (shape.includes("_by_")) return this.form(shape)[0] * this.form(shape)[1];
    return shape === "matrix" || !this.on.matrix ? 1 : this.sides[shape];
  }

  begin(state, settings) {
    const { name, shape, initial } = state;
    const isOwn = initial === "param";
    const value = typeof initial === "string" && !isOwn ? settings[initial] : initial;
    if (shape === "tensor") {
      this.numbers[name] = value;
      return;
    }
    const array = new Float64Array(this.count(shape));
    this.arrays[name] = array;
    if (isOwn) array.set(this.arrays.param);
    else if (!shape.includes("_by_")) array.fill(value);
    else for (let i = 0, [rows, columns] = this.form(shape); i < Math.min(rows, columns); i += 1) array[i * columns + i] = value;
  }

  // Run the pass of a phase; returns its parts of sums over all variables.
  pass(phase, functions) {
    const totals = {};
    const results = functions[this.passing(phase)](this, this.on) || {};
    for (const [name, value] of Object.entries(results)) {
      ((phase.totals || []).includes(name) ? totals : this.scalars)[name] = value;
    }
    return totals;
  }

  // What runs over its elements, if anything.
  passing(phase) {
    if (!phase.elements || (phase.when && !phase.when(this.on))) return null;
    return phase.axes && this.on.matrix ? phase.axes : phase.elements;
  }

  keep(program) {
    for (const one of program.keeps || []) {
      if (one.when && !one.when(this.on)) continue;
      if (Object.hasOwn(this.numbers, one.state)) this.numbers[one.state] = this.scalars[one.value];
      else if (Object.hasOwn(this.arrays, one.state)) {
        const value = Object.hasOwn(this.arrays, one.value) && this.on.matrix ? this.arrays[one.value] : [this.scalars[one.value]];
        this.arrays[one.state].set(value);
      }
    }
  }
};
