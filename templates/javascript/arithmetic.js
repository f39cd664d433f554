"use strict";
// Functions of numbers that printed rules call. Booleans are true and false.

const optgen = { rules: {}, functions: {}, featureSettings: [] };

// The functions of features, which rules share, and the names of their settings.
optgen.share = ({ functions, settings }) => {
  optgen.functions = functions;
  optgen.featureSettings = settings;
};
// A rule by the name of its module.
optgen.define = (module, rule) => { optgen.rules[module] = rule; };

const math = {
  sqrt: Math.sqrt,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  tanh: Math.tanh,
  atan2: Math.atan2,
  floor: Math.floor,
  max: Math.max,
  min: Math.min,
  power: Math.pow,
  sign: Math.sign,
  square: (x) => x * x,
  // NaN stays NaN.
  clip: (x, low, high) => (x < low ? low : x > high ? high : x),
  // The remainder has the sign of the divisor.
  modulo: (a, b) => a - b * Math.floor(a / b),
  where: (condition, a, b) => (condition ? a : b),
  both: (a, b) => a && b,
  either: (a, b) => a || b,
  opposite: (a) => !a,
  given: (value) => value !== null && value !== undefined,
};
