package probe

var httpExperiments = []*experiment{}
