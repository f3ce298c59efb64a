/** Some APIs refuse a conversation that does not begin with the user: instructions alone, or a greeting of the assistant's. This is said for the user then. */
export const OPENING = "Begin.";
