// Takes mocha's events; prints its ordinary report, and as the very last line the counts in the form that every reader
// of logs understands: "12 passed, 0 failed". CommonJS, for mocha loads reporters by require.
const { reporters } = require('mocha');

module.exports = class extends reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}`);
  }
};
