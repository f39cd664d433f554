"use strict";
// Random numbers from a counter: Philox4x32 with ten rounds, the same bits as in kernels.
// Salmon et al., 2011, Parallel random numbers: as easy as 1, 2, 3.

{
  const WORD = 2 ** 32;

  // The upper word of a product of two words, from products of their halves.
  const upper = (a, b) => {
    const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
    const middle = a1 * b0 + ((a0 * b0) >>> 16);
    const other = a0 * b1 + (middle % 65536);
    return a1 * b1 + Math.floor(middle / 65536) + Math.floor(other / 65536);
  };

  const words = (tensor, position, seed, step, draw) => {
    let [c0, c1] = [position >>> 0, Math.floor(position / WORD) >>> 0];
    let [c2, c3] = [tensor >>> 0, step >>> 0];
    let [k0, k1] = [seed >>> 0, (draw ^ Math.floor(seed / WORD)) >>> 0];
    for (let round = 0; round < 10; round += 1) {
      const [low, high] = [Math.imul(c0, 0xd2511f53) >>> 0, upper(c0, 0xd2511f53)];
      const [otherLow, otherHigh] = [Math.imul(c2, 0xcd9e8d57) >>> 0, upper(c2, 0xcd9e8d57)];
      [c0, c1] = [(otherHigh ^ c1 ^ k0) >>> 0, otherLow];
      [c2, c3] = [(high ^ c3 ^ k1) >>> 0, low];
      [k0, k1] = [(k0 + 0x9e3779b9) >>> 0, (k1 + 0xbb67ae85) >>> 0];
    }
    return [c0, c1, c2, c3];
  };

  // A number between 0 and 1, both excluded, from the upper 52 bits.
  const fraction = (high, low) => (high * 2 ** 20 + (low >>> 12) + 0.5) * 2 ** -52;

  math.uniform = (...key) => {
    const [one, other] = words(...key);
    return fraction(one, other);
  };
  math.random_sign = (...key) => 1 - 2 * (words(...key)[0] & 1);
  // Box and Muller, 1958; the cosine as that of half the angle, which is rounded less.
  math.normal = (...key) => {
    const [one, other, third, last] = words(...key);
    const sine = Math.sin((fraction(third, last) - 0.5) * Math.PI);
    return Math.sqrt(-2 * Math.log(fraction(one, other))) * (2 * sine * sine - 1);
  };
}
