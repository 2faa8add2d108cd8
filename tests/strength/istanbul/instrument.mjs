// Prints a program that counts its branches and writes the counts to a file of its own at its end.
//
//     node instrument.mjs FOLDER_OF_NODE_MODULES FILE FOLDER_OF_COUNTS

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, file, counts] = process.argv.slice(2);
const { createInstrumenter } = createRequire(`${modules}/package.json`)("istanbul-lib-instrument");
const instrumenter = createInstrumenter({ esModules: true, compact: false, coverageVariable: "__coverage__" });
const [shebang, ...rest] = readFileSync(file, "utf8").split("\n");
// The line numbers stay those of the file.
const code = instrumenter.instrumentSync([shebang.startsWith("#!") ? "" : shebang, ...rest].join("\n"), file);
console.log(`import { writeFileSync as write_counts } from "node:fs";
process.on("exit", () => {
  write_counts(${JSON.stringify(counts)} + "/" + process.pid + ".json", JSON.stringify(globalThis.__coverage__));
});
${code}`);
