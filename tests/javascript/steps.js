// Runs optimizers for tests: scripts and cases from the standard input, parameters to the output.
"use strict";
const fs = require("fs");
const vm = require("vm");

const { scripts, cases } = JSON.parse(fs.readFileSync(0, "utf8"));
for (const script of scripts) vm.runInThisContext(script);

const run = ({ rule, settings, shapes, first, rows, inputs }) => {
  const make = vm.runInThisContext("(...given) => new optgen.Optimizer(...given)");
  const parameters = first.map((values, k) => ({ values, shape: shapes[k] }));
  const optimizer = make(rule, settings, parameters);
  const after = rows.map((row, call) => {
    const gradients = row.map((values) => Float64Array.from(values));
    const given = {};
    for (const [name, arrays] of Object.entries(inputs[call] || {})) {
      given[name] = Array.isArray(arrays) ? arrays.map((one) => Float64Array.from(one)) : arrays;
    }
    if (optimizer.perturbs) optimizer.perturb(gradients);
    optimizer.step(gradients, given);
    return optimizer.variables.map(({ arrays }) => [...arrays.param]);
  });
  return { after, evaluation: optimizer.evaluation().map((one) => [...one]) };
};

// NaN and infinities are no JSON.
const found = cases.map((one) => {
  try {
    return run(one);
  } catch (error) {
    return { error: `${error.message}` };
  }
});
const text = (key, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value);
process.stdout.write(JSON.stringify(found, text));
