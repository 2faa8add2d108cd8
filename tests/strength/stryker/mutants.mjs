// Prints Stryker's mutants of one file as JSON, each with the whole mutated text.
//
//     node stryker_mutants.mjs FOLDER_OF_NODE_MODULES FILE

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, file] = process.argv.slice(2);
const require = createRequire(`${modules}/package.json`);
const { createInstrumenter } = await import(pathToFileURL(require.resolve("@stryker-mutator/instrumenter")));
const { createInjector } = await import(pathToFileURL(require.resolve("typed-inject")));

const quiet = () => {};
const logger = {
  trace: quiet, debug: quiet, info: quiet, warn: console.error, error: console.error, fatal: console.error,
  isTraceEnabled: () => false, isDebugEnabled: () => false, isInfoEnabled: () => false,
  isWarnEnabled: () => true, isErrorEnabled: () => true, isFatalEnabled: () => true,
};
const source = readFileSync(file, "utf8");
const instrumenter = createInstrumenter(createInjector().provideValue("logger", logger));
const { mutants } = await instrumenter.instrument([{ name: file, mutate: true, content: source }], {
  ignorers: [], excludedMutations: [], plugins: null, noHeader: false,
});

// Lines and columns count from 0, columns in UTF-16 units.
const starts = [0];
for (const { index } of source.matchAll(/\n/g)) starts.push(index + 1);
const lines = source.split("\n");
const offset = ({ line, column }) => starts[line] + column;

console.log(JSON.stringify(mutants.map(({ location, mutatorName, replacement }) => {
  const from = offset(location.start), to = offset(location.end);
  return {
    line: location.start.line + 1,
    column: location.start.column + 1,
    operator: mutatorName,
    code: lines[location.start.line].trim(),
    was: source.slice(from, to),
    becomes: replacement,
    text: source.slice(0, from) + replacement + source.slice(to),
  };
})));
