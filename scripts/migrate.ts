export {};

console.log(process.argv);
