// Prints a module that counts its branches. That of the program itself, which is given the folder of counts, also
// writes the counts of all modules to a file of its own at its end.
//
//     node instrument.mjs FOLDER_OF_NODE_MODULES FILE [FOLDER_OF_COUNTS]

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, file, counts] = process.argv.slice(2);
const { createInstrumenter } = createRequire(`${modules}/package.json`)("istanbul-lib-instrument");
const instrumenter = createInstrumenter({ esModules: true, compact: false, coverageVariable: "__coverage__" });
const [shebang, ...rest] = readFileSync(file, "utf8").split("\n");
// The line numbers stay those of the file.
const code = instrumenter.instrumentSync([shebang.startsWith("#!") ? "" : shebang, ...rest].join("\n"), file);
// A killed process leaves no half of a file: the last step gives the file its name.
const hook = counts && `import { renameSync as rename_counts, writeFileSync as write_counts } from "node:fs";
process.on("exit", () => {
  const file = ${JSON.stringify(counts)} + "/" + process.pid;
  write_counts(file, JSON.stringify(globalThis.__coverage__));
  rename_counts(file, file + ".json");
});
`;
console.log(`${hook ?? ""}${code}`);
