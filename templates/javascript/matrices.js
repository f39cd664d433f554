"use strict";
// Functions of whole matrices, row after row in typed arrays.
