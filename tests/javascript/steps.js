// Runs optimizers for tests: from cases to parameters after each call, as text.

const runCase = ({ rule, settings, shapes, first, rows, inputs }) => {
  const parameters = first.map((values, k) => ({ values, shape: shapes[k] }));
  const optimizer = new optgen.Optimizer(rule, settings, parameters);
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

const resultsOf = (cases) => {
  const found = cases.map((one) => {
    try {
      return runCase(one);
    } catch (error) {
      return { error: error.message };
    }
  });
  // NaN and infinities are no JSON.
  const text = (key, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value);
  return JSON.stringify(found, text);
};
