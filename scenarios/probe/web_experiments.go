package probe

var webExperiments = []*experiment{}
