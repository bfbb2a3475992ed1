package probe

// httpForms are about forms of an answer that no switch is about.
var httpForms = []*experiment{}
