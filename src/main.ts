// The one entry of the bundle: picks the tool that the launcher names.
const [tool] = process.argv.splice(2, 1);
console.log(tool, "is on its way");
