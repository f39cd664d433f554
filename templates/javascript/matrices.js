"use strict";
// Functions of whole matrices, row after row in typed arrays.

{
  const matrix = (rows, columns, values = new Float64Array(rows * columns)) => ({ rows, columns, values });

  const transposed = ({ rows, columns, values }) => {
    const found = matrix(columns, rows);
    for (let i = 0; i < rows; i += 1) {
      for (let j = 0; j < columns; j += 1) found.values[j * rows + i] = values[i * columns + j];
    }
    return found;
  };

  const product = (left, right) => {
    const found = matrix(left.rows, right.columns);
    for (let i = 0; i < left.rows; i += 1) {
      for (let k = 0; k < left.columns; k += 1) {
        const factor = left.values[i * left.columns + k];
        for (let j = 0; j < right.columns; j += 1) {
          found.values[i * right.columns + j] += factor * right.values[k * right.columns + j];
        }
      }
    }
    return found;
  };

  const identity = (size) => {
    const found = matrix(size, size);
    for (let i = 0; i < size; i += 1) found.values[i * size + i] = 1;
    return found;
  };

  // Rows p and q of a matrix, rotated in place.
  const rotate = ({ columns, values }, p, q, cosine, sine) => {
    for (let j = 0; j < columns; j += 1) {
      const [a, b] = [values[p * columns + j], values[q * columns + j]];
      values[p * columns + j] = cosine * a - sine * b;
      values[q * columns + j] = sine * a + cosine * b;
    }
  };

  // Columns p and q.
  const rotateColumns = ({ rows, columns, values }, p, q, cosine, sine) => {
    for (let i = 0; i < rows * columns; i += columns) {
      const [a, b] = [values[i + p], values[i + q]];
      values[i + p] = cosine * a - sine * b;
      values[i + q] = sine * a + cosine * b;
    }
  };

  // The rotation that takes the off-diagonal entry b of a symmetric [[a, b], [b, d]] to 0.
  const rotation = (a, b, d) => {
    const ratio = (d - a) / (2 * b);
    const tangent = (ratio < 0 ? -1 : 1) / (Math.abs(ratio) + Math.hypot(1, ratio));
    const cosine = 1 / Math.hypot(1, tangent);
    return [cosine, tangent * cosine];
  };

  const dot = ({ columns, values }, p, q) => {
    let sum = 0;
    for (let j = 0; j < columns; j += 1) sum += values[p * columns + j] * values[q * columns + j];
    return sum;
  };

  const SWEEPS = 40;
  const LEAST = 1e-16;

  // Rotations of the rows that make them orthogonal (one-sided Jacobi): those rows, and the product
  // of all rotations, whose rows are the left singular vectors.
  const orthogonalRows = (given) => {
    const rows = matrix(given.rows, given.columns, given.values.slice());
    const basis = identity(given.rows);
    for (let sweep = 0, moved = true; moved && sweep < SWEEPS; sweep += 1) {
      moved = false;
      for (let p = 0; p < given.rows; p += 1) {
        for (let q = p + 1; q < given.rows; q += 1) {
          const [a, b, d] = [dot(rows, p, p), dot(rows, p, q), dot(rows, q, q)];
          if (!(Math.abs(b) > LEAST * Math.sqrt(a * d))) continue;
          moved = true;
          const [cosine, sine] = rotation(a, b, d);
          for (const one of [rows, basis]) rotate(one, p, q, cosine, sine);
        }
      }
    }
    return { rows, basis };
  };

  // Eigenvalues in ascending order, with eigenvectors as rows (two-sided Jacobi).
  const eigen = (given) => {
    const size = given.rows;
    const square = matrix(size, size, given.values.slice());
    const basis = identity(size);
    for (let sweep = 0, moved = true; moved && sweep < SWEEPS; sweep += 1) {
      moved = false;
      for (let p = 0; p < size; p += 1) {
        for (let q = p + 1; q < size; q += 1) {
          const [a, d] = [square.values[p * size + p], square.values[q * size + q]];
          const b = square.values[p * size + q];
          if (!(Math.abs(b) > LEAST * Math.sqrt(Math.abs(a * d)) && Math.abs(b) > 1e-300)) continue;
          moved = true;
          const [cosine, sine] = rotation(a, b, d);
          rotate(basis, p, q, cosine, sine);
          rotate(square, p, q, cosine, sine);
          rotateColumns(square, p, q, cosine, sine);
        }
      }
    }
    const order = [...Array(size).keys()].sort((p, q) => square.values[p * size + p] - square.values[q * size + q]);
    const vectors = matrix(size, size);
    order.forEach((p, k) => vectors.values.set(basis.values.subarray(p * size, (p + 1) * size), k * size));
    return { values: order.map((p) => square.values[p * size + p]), vectors };
  };

  // The orthonormal factor of a matrix, by the reflections of Householder, with LAPACK's signs.
  const orthonormal = (given) => {
    const columns = transposed(given);
    const [size, count] = [given.rows, given.columns];
    const many = Math.min(size, count);
    const reflections = [];
    const reflect = (values, first, { vector, factor, start }) => {
      let sum = 0;
      for (let i = start; i < size; i += 1) sum += vector[i] * values[first + i];
      for (let i = start; i < size; i += 1) values[first + i] -= factor * sum * vector[i];
    };
    for (let k = 0; k < many; k += 1) {
      const vector = columns.values.slice(k * size, (k + 1) * size);
      let rest = 0;
      for (let i = k + 1; i < size; i += 1) rest += vector[i] ** 2;
      if (rest === 0) continue;
      const alpha = vector[k];
      const beta = (alpha < 0 ? 1 : -1) * Math.sqrt(alpha ** 2 + rest);
      for (let i = k + 1; i < size; i += 1) vector[i] /= alpha - beta;
      vector[k] = 1;
      const one = { vector, factor: (beta - alpha) / beta, start: k };
      for (let j = k; j < count; j += 1) reflect(columns.values, j * size, one);
      reflections.push(one);
    }
    const found = matrix(many, size);
    for (let k = 0; k < many; k += 1) {
      found.values[k * size + k] = 1;
      for (const one of [...reflections].reverse()) reflect(found.values, k * size, one);
    }
    return transposed(found);
  };

  const inverseRoot = (square, degree, shift) => {
    const { values, vectors } = eigen(square);
    const scaled = matrix(square.rows, square.rows, vectors.values.slice());
    values.forEach((value, k) => {
      const scale = (Math.max(value, 0) + shift) ** (-1 / degree);
      for (let j = 0; j < square.rows; j += 1) scaled.values[k * square.rows + j] *= scale;
    });
    return product(transposed(scaled), vectors);
  };

  // The left singular vectors of the largest singular values, whose largest entries are positive.
  const singularVectors = (given, rank) => {
    const { rows, basis } = orthogonalRows(given);
    const size = given.rows;
    const norms = [...Array(size).keys()].map((p) => dot(rows, p, p));
    const order = [...norms.keys()].sort((p, q) => norms[q] - norms[p]).slice(0, rank);
    const found = matrix(rank, size);
    order.forEach((p, k) => {
      const row = basis.values.subarray(p * size, (p + 1) * size);
      const most = row.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
      found.values.set(row.map((value) => value * Math.sign(most)), k * size);
    });
    return transposed(found);
  };

  // A column for each of the rows with the largest sums of magnitudes, with 1 at its place.
  const largestRows = (given, rank) => {
    const sums = [...Array(given.rows).keys()].map((p) =>
      given.values.subarray(p * given.columns, (p + 1) * given.columns).reduce((a, b) => a + Math.abs(b), 0));
    const order = [...sums.keys()].sort((p, q) => sums[q] - sums[p]).slice(0, rank);
    const found = matrix(given.rows, rank);
    order.forEach((p, k) => { found.values[p * rank + k] = 1; });
    return found;
  };

  const REDUCTIONS = {
    sum: (some) => some.reduce((a, b) => a + b, 0),
    mean: (some) => some.reduce((a, b) => a + b, 0) / some.length,
    norm: (some) => Math.sqrt(some.reduce((a, b) => a + b * b, 0)),
    largest: (some) => some.reduce((a, b) => Math.max(a, b), -Infinity),
    smallest: (some) => some.reduce((a, b) => Math.min(a, b), Infinity),
  };

  // One number for each row, repeated along it.
  const reducedRows = (given, reduction) => {
    const found = matrix(given.rows, given.columns);
    for (let i = 0; i < given.rows; i += 1) {
      const [first, end] = [i * given.columns, (i + 1) * given.columns];
      found.values.fill(REDUCTIONS[reduction](given.values.subarray(first, end)), first, end);
    }
    return found;
  };

  const summed = (left, right, added, times, number) => {
    const found = product(left, right);
    if (!added) return found;
    found.values.forEach((value, k) => { found.values[k] = times * value + number * added.values[k]; });
    return found;
  };

  const FUNCTIONS = {
    "@": ([left, right, added], numbers) => summed(left, right, added, ...numbers),
    orthonormal: ([one]) => orthonormal(one),
    eigenvectors: ([one]) => transposed(eigen(one).vectors),
    inverse_root: ([one], numbers) => inverseRoot(one, ...numbers),
  };

  const called = (call, operands, numbers, rank) => {
    if (call.function === "gram") {
      // The variable's own matrix is short by long here already.
      const [one] = operands;
      return one.rows > one.columns ? product(transposed(one), one) : product(one, transposed(one));
    }
    if (call.function === "singular_vectors") return singularVectors(operands[0], rank);
    if (call.function === "largest_rows") return largestRows(operands[0], rank);
    if (call.function in FUNCTIONS) return FUNCTIONS[call.function](operands, numbers);
    const [side, reduction] = call.function.split("_");
    if (side === "row") return reducedRows(operands[0], reduction);
    return transposed(reducedRows(transposed(operands[0]), reduction));
  };

  // Compute a function of matrices of a variable. The variable's own matrix is short by long beside
  // others with such a side. NaN where a decomposition would meet what isn't finite.
  optgen.callLibrary = (call, variable, shapes) => {
    if (call.when && !call.when(variable.on)) return;
    const named = [...call.operands, call.target];
    const isTurned = variable.isTall && named.some((name) => /short|long/.test(shapes[name]));
    const own = (name) => isTurned && shapes[name] === "element";
    const operands = call.operands.map((name, k) => {
      const one = matrix(...variable.form(shapes[name]), variable.arrays[name]);
      return own(name) !== Boolean(call.transposed[k]) ? transposed(one) : one;
    });
    const numbers = call.numbers.map((one) => (typeof one === "string" ? variable.scalars[one] : one));
    const isProduct = call.function === "@" || call.function === "gram";
    const isFinite = isProduct || operands.every((one) => one.values.every(Number.isFinite));
    if (!isFinite) {
      variable.arrays[call.target].fill(NaN);
      return;
    }
    const found = called(call, operands, numbers, variable.form(shapes[call.target])[1]);
    variable.arrays[call.target].set((own(call.target) ? transposed(found) : found).values);
  };
}
